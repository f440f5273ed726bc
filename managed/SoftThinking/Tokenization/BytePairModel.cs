using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>The merge of two adjacent tokens.</summary>
/// <param name="Rank">Index in the list of merges; the lowest of all possible merges is applied first.</param>
/// <param name="Id">The token that replaces both.</param>
internal readonly record struct Merge(int Rank, int Id);

/// <summary>Byte pair encoding of one word at a time, over bytes or over characters. Thread-safe.</summary>
internal sealed class BytePairModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<ulong, Merge> _merges;
    private readonly bool _ignoreMerges;
    private readonly CharacterUnits? _characters;
    private readonly int[] _byteIds = new int[256];
    private readonly WordCache _cache = new();

    /// <param name="vocabulary">Id of each token, by its text: over bytes, in the byte alphabet.</param>
    /// <param name="merges">Merges by <see cref="Pair"/>.</param>
    /// <param name="ignoreMerges">Whether a word that is itself a token is encoded as that token, regardless of its
    /// merges.</param>
    /// <param name="characters">The characters of the vocabulary; null for one over bytes.</param>
    public BytePairModel(
        Dictionary<string, int> vocabulary, Dictionary<ulong, Merge> merges, bool ignoreMerges, CharacterUnits? characters)
    {
        _vocabulary = vocabulary;
        _merges = merges;
        _ignoreMerges = ignoreMerges;
        _characters = characters;
        for (int value = 0; value < 256; value++)
            _byteIds[value] = vocabulary.GetValueOrDefault(ByteAlphabet.ToCharacter((byte)value).ToString(), -1);
    }

    /// <summary>Number of different pairs that merge.</summary>
    public int MergeCount => _merges.Count;

    /// <summary>Two adjacent tokens as a key of the merge table.</summary>
    public static ulong Pair(int left, int right) => (ulong)(uint)left << 32 | (uint)right;

    /// <summary>The id of a token by its text.</summary>
    public int? TokenId(string token) => _vocabulary.TryGetValue(token, out int id) ? id : null;

    /// <summary>Appends the tokens of a word. A byte or character that is not in the vocabulary is skipped, as in Hugging Face's
    /// tokenizers without an unknown token.</summary>
    /// <param name="word">Text without lone surrogates.</param>
    /// <param name="work">Buffers for one caller at a time.</param>
    /// <param name="ids">Receives the ids.</param>
    public void Encode(ReadOnlySpan<char> word, Workspace work, List<int> ids)
    {
        while (word.Length > 0)
        {
            int end = _characters?.EndOfWord(word) ?? word.Length;
            if (!_cache.TryGet(word[..end], out ReadOnlySpan<int> tokens))
            {
                tokens = _characters == null ? EncodeBytes(work.ToBytes(word), work) : EncodeCharacters(word[..end], work);
                _cache.Add(word[..end], tokens);
            }
            ids.AddRange(tokens);
            word = word[end..];
        }
    }

    private ReadOnlySpan<int> EncodeBytes(ReadOnlySpan<byte> bytes, Workspace work)
    {
        if (_ignoreMerges && work.TryFind(bytes, _vocabulary, out int whole))
            return work.Single(whole);
        work.Reserve(bytes.Length);
        int count = 0;
        foreach (byte value in bytes)
        {
            if (_byteIds[value] >= 0)
                work.Ids[count++] = _byteIds[value];
        }
        return MergeUnits(count, work);
    }

    private ReadOnlySpan<int> EncodeCharacters(ReadOnlySpan<char> word, Workspace work) =>
        _ignoreMerges && _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out int whole)
            ? work.Single(whole)
            : MergeUnits(_characters!.Place(word, work), work);

    // Merges the lowest rank first, and of equal ranks the leftmost, on a linked list with a heap of candidates, so
    // the time is O(n log n). A candidate is not removed when one of its tokens is merged elsewhere; it is recognized as
    // stale when it is dequeued, because the pair at its position then differs.
    private ReadOnlySpan<int> MergeUnits(int count, Workspace work)
    {
        for (int i = 0; i < count; i++)
        {
            work.Previous[i] = i - 1;
            work.Next[i] = i + 1;
            Propose(work, i, i + 1, count);
        }
        while (work.Candidates.TryDequeue(out int merged, out ulong priority))
        {
            int at = (int)(priority & uint.MaxValue);
            int right = work.Next[at];
            bool valid = work.Ids[at] != Workspace.Gone && right < count
                && _merges.TryGetValue(Pair(work.Ids[at], work.Ids[right]), out Merge merge) && merge.Id == merged;
            if (!valid)
                continue;
            int after = work.Next[right];
            work.Ids[at] = merged;
            work.Ids[right] = Workspace.Gone;
            work.Next[at] = after;
            if (after < count)
                work.Previous[after] = at;
            Propose(work, work.Previous[at], at, count);
            Propose(work, at, after, count);
        }
        return work.Compact(count);
    }

    private void Propose(Workspace work, int left, int right, int count)
    {
        if (left >= 0 && right < count && _merges.TryGetValue(Pair(work.Ids[left], work.Ids[right]), out Merge merge))
            work.Candidates.Enqueue(merge.Id, (ulong)(uint)merge.Rank << 32 | (uint)left);
    }

    /// <summary>Buffers that encoding reuses for all words.</summary>
    public sealed class Workspace
    {
        /// <summary>Marks a position whose token was merged into its left neighbor.</summary>
        public const int Gone = -1;

        private byte[] _bytes = new byte[64];
        private char[] _characters = new char[64];

        public int[] Ids { get; private set; } = new int[64];
        public int[] Previous { get; private set; } = new int[64];
        public int[] Next { get; private set; } = new int[64];

        /// <summary>Possible merges: the resulting token, by rank, then position.</summary>
        public PriorityQueue<int, ulong> Candidates { get; } = new();

        public ReadOnlySpan<byte> ToBytes(ReadOnlySpan<char> word)
        {
            int bound = Encoding.UTF8.GetMaxByteCount(word.Length);
            if (_bytes.Length < bound)
                _bytes = new byte[bound];
            return _bytes.AsSpan(0, Encoding.UTF8.GetBytes(word, _bytes));
        }

        public bool TryFind(ReadOnlySpan<byte> bytes, Dictionary<string, int> vocabulary, out int id)
        {
            if (_characters.Length < bytes.Length)
                _characters = new char[bytes.Length];
            for (int i = 0; i < bytes.Length; i++)
                _characters[i] = ByteAlphabet.ToCharacter(bytes[i]);
            return vocabulary.GetAlternateLookup<ReadOnlySpan<char>>()
                .TryGetValue(_characters.AsSpan(0, bytes.Length), out id);
        }

        public void Reserve(int count)
        {
            if (Ids.Length >= count)
                return;
            Ids = new int[count];
            Previous = new int[count];
            Next = new int[count];
        }

        public ReadOnlySpan<int> Single(int id)
        {
            Ids[0] = id;
            return Ids.AsSpan(0, 1);
        }

        /// <summary>The remaining tokens, in order.</summary>
        public ReadOnlySpan<int> Compact(int count)
        {
            int kept = 0;
            for (int i = 0; i < count; i++)
            {
                if (Ids[i] != Gone)
                    Ids[kept++] = Ids[i];
            }
            return Ids.AsSpan(0, kept);
        }
    }
}
