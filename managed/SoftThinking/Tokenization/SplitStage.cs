namespace SoftThinking.Tokenization;

/// <summary>What becomes of the matches of a split pattern.</summary>
internal enum SplitBehavior
{
    /// <summary>Each match is a piece, and so is the text between two of them.</summary>
    Isolated,

    /// <summary>Matches are left out.</summary>
    Removed,

    /// <summary>Adjacent matches are one piece.</summary>
    Contiguous,

    /// <summary>A match belongs to the piece before it, unless that is a match too.</summary>
    MergedWithPrevious,

    /// <summary>A match belongs to the piece after it, unless that is a match too.</summary>
    MergedWithNext,
}

/// <summary>Where a piece is in the text.</summary>
internal enum PiecePlace
{
    /// <summary>It begins the text.</summary>
    Start,

    Middle,

    /// <summary>In a text that follows another one, which gets no prefix.</summary>
    Continuation,
}

/// <summary>One step of splitting text into words: optionally replaces spaces and prefixes each piece, then splits it by a
/// pattern.</summary>
internal sealed record SplitStage
{
    /// <summary>Stands for a space; null leaves spaces as they are.</summary>
    public char? SpaceStandIn { get; init; }

    /// <summary>Put before a piece that does not start with it; null for nothing.</summary>
    public char? Prefix { get; init; }

    /// <summary>Whether only the piece that begins the text gets the prefix.</summary>
    public bool PrefixesStartOnly { get; init; }

    /// <summary>Splits the piece; null keeps it whole.</summary>
    public SplitPattern? Pattern { get; init; }

    public SplitBehavior Behavior { get; init; }

    /// <summary>Whether what the pattern does not match counts as the matches.</summary>
    public bool Inverted { get; init; }

    /// <summary>The pre-tokenizer ByteLevel.</summary>
    public static SplitStage ByteLevel(bool addPrefixSpace, bool splits) => new()
    {
        Prefix = addPrefixSpace ? ' ' : null,
        Pattern = splits ? new SplitPattern(SplitPattern.Gpt2) : null,
    };

    /// <summary>Replaces spaces, and adds the prefix.</summary>
    public ReadOnlySpan<char> Prepare(ReadOnlySpan<char> piece, PiecePlace place)
    {
        if (SpaceStandIn is char standIn && piece.Contains(' '))
            piece = piece.ToString().Replace(' ', standIn);
        bool prefixes = place == PiecePlace.Start || (place == PiecePlace.Middle && !PrefixesStartOnly);
        return prefixes && Prefix is char prefix && piece[0] != prefix
            ? string.Concat([prefix], piece)
            : piece;
    }

    /// <summary>End of the next piece of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">End of the last piece, before the end of the text.</param>
    /// <param name="removed">Whether the piece is left out.</param>
    public int EndOfPiece(ReadOnlySpan<char> text, int start, out bool removed)
    {
        int end = Pattern!.EndOfPiece(text, start, out bool matches);
        matches ^= Inverted;
        removed = matches && Behavior == SplitBehavior.Removed;
        if (Behavior is SplitBehavior.Isolated or SplitBehavior.Removed)
            return end;
        while (end < text.Length)
        {
            int next = Pattern.EndOfPiece(text, end, out bool nextMatches);
            nextMatches ^= Inverted;
            if (!Joins(matches, nextMatches))
                break;
            (end, matches) = (next, nextMatches);
        }
        return end;
    }

    private bool Joins(bool matches, bool nextMatches) => Behavior switch
    {
        SplitBehavior.Contiguous => matches == nextMatches,
        SplitBehavior.MergedWithPrevious => !matches && nextMatches,
        _ => matches && !nextMatches,
    };
}
