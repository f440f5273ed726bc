using System.Collections.Concurrent;

namespace SoftThinking.Tokenization;

/// <summary>Remembers the tokens of words met before. Bounded: when full it starts again empty, so that a server whose
/// texts change keeps a useful cache. Thread-safe.</summary>
internal sealed class WordCache
{
    private const int Capacity = 32_768;

    // In UTF-16 units. Longer words hardly ever come twice, and would let hostile texts fill the memory.
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
        // Two threads may both start afresh, or one may add to the dictionary just dropped: words are lost, nothing
        // else.
        if (Interlocked.Increment(ref _count) > Capacity)
        {
            Volatile.Write(ref _words, new ConcurrentDictionary<string, int[]>());
            Volatile.Write(ref _count, 1);
        }
        Volatile.Read(ref _words).TryAdd(word.ToString(), ids.ToArray());
    }
}
