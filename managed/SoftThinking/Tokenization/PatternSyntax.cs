namespace SoftThinking.Tokenization;

/// <summary>The syntax tree of a split pattern.</summary>
internal abstract record PatternSyntax
{
    /// <summary>Minimum number of code points that a match consumes.</summary>
    public abstract int MinimumLength { get; }

    /// <summary>Min to Max code points of one class, as many as possible; possessive: without backtracking.</summary>
    public sealed record Repeat(CharacterClass Class, int Min, int Max, bool Possessive) : PatternSyntax
    {
        public override int MinimumLength => Min;
    }

    /// <summary>One after another.</summary>
    public sealed record Chain(IReadOnlyList<PatternSyntax> Items) : PatternSyntax
    {
        public override int MinimumLength => Items.Sum(item => item.MinimumLength);
    }

    /// <summary>The first branch with which the whole pattern matches.</summary>
    public sealed record Choice(IReadOnlyList<PatternSyntax> Branches) : PatternSyntax
    {
        public override int MinimumLength => Branches.Min(branch => branch.MinimumLength);
    }

    /// <summary>The body if it matches, otherwise nothing.</summary>
    public sealed record Optional(PatternSyntax Body) : PatternSyntax
    {
        public override int MinimumLength => 0;
    }

    /// <summary>Consumes nothing; matches at the end of the text and before a line feed.</summary>
    public sealed record LineEnd : PatternSyntax
    {
        public override int MinimumLength => 0;
    }

    /// <summary>Consumes nothing; matches if the body matches here, or, if negative, if it does not.</summary>
    public sealed record Look(PatternSyntax Body, bool Negative) : PatternSyntax
    {
        public override int MinimumLength => 0;
    }
}
