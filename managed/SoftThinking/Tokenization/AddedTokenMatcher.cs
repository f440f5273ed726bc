using System.Buffers;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>A part of a text: an added token, or text between added tokens.</summary>
/// <param name="Start">Index of its first UTF-16 unit.</param>
/// <param name="End">Index after its last unit.</param>
/// <param name="Token">The added token, or null for text.</param>
internal readonly record struct TextSegment(int Start, int End, AddedToken? Token);

/// <summary>Finds added tokens in a text: the leftmost first, and the longest of those that start at the same place.
/// Thread-safe.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<(int Node, char Next), int> _edges = [];
    private readonly List<AddedToken?> _tokens = [null];
    private readonly SearchValues<char> _firsts;

    /// <param name="tokens">The tokens, each with the text to match. Of equal texts, the first one
    /// wins.</param>
    public AddedTokenMatcher(IEnumerable<(string Text, AddedToken Token)> tokens)
    {
        var firsts = new HashSet<char>();
        foreach ((string text, AddedToken token) in tokens)
        {
            firsts.Add(text[0]);
            int node = 0;
            foreach (char c in text)
            {
                if (!_edges.TryGetValue((node, c), out int next))
                {
                    next = _tokens.Count;
                    _tokens.Add(null);
                    _edges.Add((node, c), next);
                }
                node = next;
            }
            _tokens[node] ??= token;
        }
        _firsts = SearchValues.Create([.. firsts]);
    }

    /// <summary>Splits a text at its added tokens.</summary>
    /// <param name="literal">Parts without added tokens: ascending, disjoint, not empty. A token that overlaps one is
    /// skipped; a shorter one that starts at the same place and ends before the part still matches.</param>
    /// <remarks>White space that a token strips can overlap the next token, which still matches: the search continues
    /// after the token itself. An occurrence that must be a single word but is not is text, and is not searched again.</remarks>
    public List<TextSegment> Split(ReadOnlySpan<char> text, ReadOnlySpan<(int Start, int End)> literal)
    {
        var segments = new List<TextSegment>();
        int covered = 0;
        int at = 0;
        while (FindNext(text, at, ref literal) is ({ } token, int start, int end))
        {
            at = end;
            if (token.IsSingleWord && (EndsWithWord(text[..start]) || BeginsWithWord(text[end..])))
                continue;
            if (token.StripsLeft)
                start = Math.Max(text[..start].TrimEnd().Length, covered);
            if (token.StripsRight)
                end = text.Length - text[end..].TrimStart().Length;
            if (covered < start)
                segments.Add(new TextSegment(covered, start, null));
            segments.Add(new TextSegment(start, end, token));
            covered = end;
        }
        if (covered < text.Length)
            segments.Add(new TextSegment(covered, text.Length, null));
        return segments;
    }

    // Advances `literal` to the parts that end after the current position.
    private (AddedToken? Token, int Start, int End) FindNext(
        ReadOnlySpan<char> text, int from, ref ReadOnlySpan<(int Start, int End)> literal)
    {
        for (int start = from; start < text.Length; start++)
        {
            int skipped = text[start..].IndexOfAny(_firsts);
            if (skipped < 0)
                break;
            start += skipped;
            while (!literal.IsEmpty && literal[0].End <= start)
                literal = literal[1..];
            int limit = literal.IsEmpty ? text.Length : literal[0].Start;
            if (limit <= start)
            {
                start = literal[0].End - 1;
                continue;
            }
            AddedToken? longest = null;
            int longestEnd = start;
            int node = 0;
            for (int at = start; at < limit && _edges.TryGetValue((node, text[at]), out node);)
            {
                at++;
                if (_tokens[node] is { } token)
                    (longest, longestEnd) = (token, at);
            }
            if (longest != null)
                return (longest, start, longestEnd);
        }
        return (null, text.Length, text.Length);
    }

    private static bool EndsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out Rune last, out _) == OperationStatus.Done
        && CharacterClass.WordCharacter.Contains(last.Value);

    private static bool BeginsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out Rune first, out _) == OperationStatus.Done
        && CharacterClass.WordCharacter.Contains(first.Value);
}
