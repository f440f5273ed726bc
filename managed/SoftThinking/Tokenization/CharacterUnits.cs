using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>The tokens that merges start from where a vocabulary is of characters, as in SentencePiece: one for each character,
/// or, for a character that is no token, one for each of its UTF-8 bytes, or the unknown token. Thread-safe.</summary>
internal sealed class CharacterUnits
{
    // U+2581, which stands for a space.
    private const char Space = '▁';

    private readonly int[] _ids = new int[char.MaxValue + 1];
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _vocabulary;
    private readonly int[]? _bytes;
    private readonly int? _unknown;
    private readonly bool _fusesUnknown;
    private readonly bool _cutsBeforeSpaces;

    /// <param name="vocabulary">Id of each token by its text.</param>
    /// <param name="byteFallback">Whether bytes take the place of a character that is no token.</param>
    /// <param name="unknown">The token for what has no other one; null leaves it out.</param>
    /// <param name="fusesUnknown">Whether adjacent unknown characters are one token.</param>
    public CharacterUnits(Dictionary<string, int> vocabulary, bool byteFallback, int? unknown, bool fusesUnknown)
    {
        _vocabulary = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        (_unknown, _fusesUnknown) = (unknown, fusesUnknown);
        _bytes = byteFallback
            ? [.. Enumerable.Range(0, 256).Select(value => vocabulary.GetValueOrDefault(TokenDecoder.ByteToken((byte)value), -1))]
            : null;
        Array.Fill(_ids, -1);
        foreach ((string token, int id) in vocabulary)
        {
            if (token.Length == 1)
                _ids[token[0]] = id;
        }
        _cutsBeforeSpaces = _ids[Space] >= 0 && !vocabulary.Keys.Any(token => EndOfPart(token) < token.Length);
    }

    /// <summary>End of the first part of a text that is encoded on its own. Where no token of the vocabulary goes on with a space
    /// stand-in after another character, as is usual, no merge reaches across that place, and the parts are words.</summary>
    public int EndOfWord(ReadOnlySpan<char> text) => _cutsBeforeSpaces ? EndOfPart(text) : text.Length;

    /// <summary>Writes the tokens of a word, before any merge, to <see cref="BytePairModel.Workspace.Ids"/>.</summary>
    /// <returns>Their number.</returns>
    public int Place(ReadOnlySpan<char> word, BytePairModel.Workspace work)
    {
        work.Reserve(Encoding.UTF8.GetMaxByteCount(word.Length));
        int count = 0;
        bool unknown = false; // whether an unknown token is due
        for (int at = 0; at < word.Length;)
        {
            int length = char.IsSurrogate(word[at]) ? 2 : 1;
            ReadOnlySpan<char> character = word.Slice(at, length);
            at += length;
            int id = IdOf(character);
            if (id < 0 && TryPlaceBytes(character, work, ref count))
                continue; // an unknown token that is due follows the bytes, as in Hugging Face's tokenizers
            if (unknown && (id >= 0 || !_fusesUnknown))
                work.Ids[count++] = _unknown!.Value;
            if (id >= 0)
                work.Ids[count++] = id;
            unknown = id < 0 && _unknown != null;
        }
        if (unknown)
            work.Ids[count++] = _unknown!.Value;
        return count;
    }

    private int IdOf(ReadOnlySpan<char> character) =>
        character.Length == 1 ? _ids[character[0]] : _vocabulary.TryGetValue(character, out int id) ? id : -1;

    private bool TryPlaceBytes(ReadOnlySpan<char> character, BytePairModel.Workspace work, ref int count)
    {
        if (_bytes == null)
            return false;
        Span<byte> utf8 = stackalloc byte[4];
        utf8 = utf8[..Encoding.UTF8.GetBytes(character, utf8)];
        foreach (byte value in utf8)
        {
            if (_bytes[value] < 0)
                return false;
        }
        foreach (byte value in utf8)
            work.Ids[count++] = _bytes[value];
        return true;
    }

    private static int EndOfPart(ReadOnlySpan<char> text)
    {
        int start = text.IndexOfAnyExcept(Space);
        int next = start < 0 ? -1 : text[start..].IndexOf(Space);
        return next < 0 ? text.Length : start + next;
    }
}
