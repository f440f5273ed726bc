using System.Collections.Concurrent;

namespace SoftThinking.Tokenization;

/// <summary>Caches the tokens of words. Bounded: it is cleared when full, so that a server whose
/// texts change keeps a useful cache. Thread-safe.</summary>
internal sealed class WordCache
{
    private const int Capacity = 32_768;

    // In UTF-16 units. Longer words rarely recur, and would let hostile texts exhaust the memory.
    private const int LongestWord = 64;

    private ConcurrentDictionary<string, int[]> _words = new();
    private int _count;

    public bool TryGet(ReadOnlySpan<char> word, out ReadOnlySpan<int> ids)
    {
        bool found = false;
        int[]? known = null;
        if (word.Length <= LongestWord)
            found = Volatile.Read(ref _words).GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out known);
        ids = known;
        return found;
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        if (word.Length > LongestWord)
            return;
        // Two threads may both clear the cache, or one may add to a dictionary that was just dropped: only cached words
        // are lost.
        if (Interlocked.Increment(ref _count) > Capacity)
        {
            Volatile.Write(ref _words, new ConcurrentDictionary<string, int[]>());
            Volatile.Write(ref _count, 1);
        }
        Volatile.Read(ref _words).TryAdd(word.ToString(), ids.ToArray());
    }
}
