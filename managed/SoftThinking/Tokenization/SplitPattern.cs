using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>A pattern that splits text into words, as a backtracking matcher over code points.</summary>
/// <remarks>Only single classes repeat, so the depth of the recursion is the length of the pattern, and the time for
/// the patterns of the known model families grows linearly with the text. Thread-safe.</remarks>
internal sealed class SplitPattern
{
    /// <summary>The pattern of Qwen2, Qwen2.5, Qwen3 and their distills: one digit a word.</summary>
    public const string Qwen2 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
        + @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The pattern of Llama 3: up to three digits a word.</summary>
    public const string Llama3 =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
        + @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The pattern of GPT-2, which is also the default of a ByteLevel pre-tokenizer.</summary>
    public const string Gpt2 =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private readonly Node _root;

    /// <exception cref="FormatException">The pattern is invalid or contains something that is not supported.</exception>
    public SplitPattern(string source)
    {
        Source = source;
        _root = Link(SplitPatternParser.Parse(source), Node.Accept);
    }

    /// <summary>The pattern as written.</summary>
    public string Source { get; }

    /// <summary>End of the piece that starts at <paramref name="start"/>: a match, or otherwise everything up to the next
    /// match or the end of the text. A piece is never empty.</summary>
    /// <param name="text">The text, without lone surrogates; look-ahead stops at its end.</param>
    /// <param name="start">An index in the text, on the boundary of a code point.</param>
    /// <param name="matches">Whether the piece is a match.</param>
    public int EndOfPiece(ReadOnlySpan<char> text, int start, out bool matches)
    {
        int end = Match(_root, text, start);
        matches = end >= 0;
        if (matches)
            return end;
        int gap = start;
        do
        {
            gap = AfterFailure(text, gap);
        }
        while (gap < text.Length && Match(_root, text, gap) < 0);
        return gap;
    }

    // The next position where a match may start. A pattern that begins with an unlimited repetition and fails at the start of a
    // run of its class fails within the whole run: what it tries there ends at places that were tried.
    private int AfterFailure(ReadOnlySpan<char> text, int at) =>
        Math.Max(Next(text, at, out _), _root is { Kind: NodeKind.Repeat, Max: int.MaxValue } ? Run(_root, text, at, out _) : 0);

    /// <summary>End of the match at a position, or -1.</summary>
    private static int Match(Node node, ReadOnlySpan<char> text, int at)
    {
        while (true)
        {
            switch (node.Kind)
            {
                case NodeKind.Accept:
                    return at;
                case NodeKind.Repeat:
                    int end = Run(node, text, at, out int count);
                    if (count < node.Min)
                        return -1;
                    if (count > node.Min && !node.Possessive && node.Next!.Kind != NodeKind.Accept)
                        return MatchFewer(node, text, end, count);
                    (node, at) = (node.Next!, end);
                    break;
                case NodeKind.LineEnd:
                    if (at < text.Length && text[at] != '\n')
                        return -1;
                    node = node.Next!;
                    break;
                case NodeKind.Choice:
                    foreach (Node branch in node.Branches!)
                    {
                        int matched = Match(branch, text, at);
                        if (matched >= 0)
                            return matched;
                    }
                    return -1;
                default:
                    bool holds = Match(node.Branches![0], text, at) >= 0;
                    if (holds == (node.Kind == NodeKind.NegativeLook))
                        return -1;
                    node = node.Next!;
                    break;
            }
        }
    }

    // Backtracks one character at a time until the rest of the pattern matches.
    private static int MatchFewer(Node node, ReadOnlySpan<char> text, int end, int count)
    {
        while (true)
        {
            int matched = Match(node.Next!, text, end);
            if (matched >= 0 || count == node.Min)
                return matched;
            end -= char.IsLowSurrogate(text[end - 1]) ? 2 : 1;
            count--;
        }
    }

    private static int Run(Node node, ReadOnlySpan<char> text, int at, out int count)
    {
        CharacterClass set = node.Class!;
        for (count = 0; count < node.Max && at < text.Length; count++)
        {
            int next = Next(text, at, out int codePoint);
            if (!set.Contains(codePoint))
                break;
            at = next;
        }
        return at;
    }

    private static int Next(ReadOnlySpan<char> text, int at, out int codePoint)
    {
        codePoint = text[at];
        if (!char.IsSurrogate((char)codePoint))
            return at + 1;
        Rune.DecodeFromUtf16(text[at..], out Rune rune, out int length);
        codePoint = rune.Value;
        return at + length;
    }

    // Links each part to the one that follows it, in reverse order.
    private static Node Link(PatternSyntax syntax, Node next)
    {
        switch (syntax)
        {
            case PatternSyntax.Repeat repeat:
                return new Node(NodeKind.Repeat)
                {
                    Class = repeat.Class,
                    Min = repeat.Min,
                    Max = repeat.Max,
                    Possessive = repeat.Possessive,
                    Next = next,
                };
            case PatternSyntax.Chain chain:
                return chain.Items.Reverse().Aggregate(next, (following, item) => Link(item, following));
            case PatternSyntax.Choice choice:
                return new Node(NodeKind.Choice)
                {
                    Branches = [.. choice.Branches.Select(branch => Link(branch, next))],
                };
            case PatternSyntax.Optional optional:
                return new Node(NodeKind.Choice) { Branches = [Link(optional.Body, next), next] };
            case PatternSyntax.LineEnd:
                return new Node(NodeKind.LineEnd) { Next = next };
            case PatternSyntax.Look look:
                return new Node(look.Negative ? NodeKind.NegativeLook : NodeKind.PositiveLook)
                {
                    Branches = [Link(look.Body, Node.Accept)],
                    Next = next,
                };
            default:
                throw new InvalidOperationException($"no matcher for {syntax.GetType().Name}");
        }
    }

    private enum NodeKind { Accept, Repeat, Choice, LineEnd, PositiveLook, NegativeLook }

    private sealed class Node(NodeKind kind)
    {
        public static readonly Node Accept = new(NodeKind.Accept);

        public NodeKind Kind { get; } = kind;
        public CharacterClass? Class { get; init; }
        public int Min { get; init; }
        public int Max { get; init; }
        public bool Possessive { get; init; }
        public Node[]? Branches { get; init; }
        public Node? Next { get; init; }
    }
}
