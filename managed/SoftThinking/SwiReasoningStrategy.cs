namespace SoftThinking;

/// <summary>SwiReasoning (arXiv 2510.05069): soft thoughts while the model is unsure, single tokens while it is sure, by its entropy.</summary>
public sealed record SwiReasoningStrategy : ThinkingStrategy
{
    private const int MostHardIds = 1024;

    /// <inheritdoc/>
    public override string Name => "swireasoning";

    /// <summary>Fewest steps with single tokens before thoughts are soft again: 1 or more.</summary>
    public int Window
    {
        get;
        init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more");
    } = 512;

    /// <summary>Share that the mixture keeps when it begins, at the start of the output; the rest is the marker that starts a thought:
    /// 0 to 1.</summary>
    public float Alpha0
    {
        get;
        init => field = OptionRange.Check(value, 0, 1, "0 to 1");
    } = 1;

    /// <summary>Share that the mixture keeps when it ends, at the start of the output; the rest is the marker that ends a thought:
    /// 0 to 1.</summary>
    public float Beta0
    {
        get;
        init => field = OptionRange.Check(value, 0, 1, "0 to 1");
    } = 0.7f;

    /// <summary>Id that the first mixture is blended with: 0 or more, or -1 for none; null for that of the two characters backslash and n,
    /// as published, if they are one token.</summary>
    public int? StartBlendId
    {
        get;
        init => field = value is int id ? OptionRange.Check(id, -1, int.MaxValue, "-1 or more") : null;
    }

    /// <summary>Ids that are never mixed when they are drawn: at most 1024.</summary>
    public IReadOnlyList<int> HardIds
    {
        get;
        init => field = OptionRange.CheckAll(value, MostHardIds, id => id >= 0, "ids of 0 or more");
    } = [];

    /// <summary>Number of switches to single tokens from which the end of thinking is forced; 0 for no limit.</summary>
    public int MaxSwitchCount
    {
        get;
        init => field = OptionRange.Check(value, 0, 1 << 20, "0 to 1048576");
    }

    /// <summary>Whether a forced end marker is a hint only, as published: thinking goes on. Otherwise it ends.</summary>
    public bool ConvergenceIsHint { get; init; }

    /// <summary>What follows the end marker once there were more than twice as many switches; at most 64 tokens.</summary>
    public string FinalText
    {
        get;
        init => field = OptionRange.NotNull(value);
    } = "\n\nThe final answer is";

    /// <summary>Tokens of the sample from there on, the forced ones included: 1 or more.</summary>
    public int FinalTokens
    {
        get;
        init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more");
    } = 32;

    internal override int DefaultTopk => LargestTopk;

    internal override int LargestTopk => ConceptToken.MaxEntries - 1;

    // A place for the blend.
    internal override int Entries(int topk) => topk + 1;

    /// <inheritdoc/>
    public bool Equals(SwiReasoningStrategy? other) => ReferenceEquals(this, other) || (other != null
        && (Window, Alpha0, Beta0, StartBlendId) == (other.Window, other.Alpha0, other.Beta0, other.StartBlendId)
        && (MaxSwitchCount, ConvergenceIsHint, FinalText, FinalTokens) == (other.MaxSwitchCount, other.ConvergenceIsHint, other.FinalText, other.FinalTokens)
        && HardIds.SequenceEqual(other.HardIds));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Window, Alpha0, Beta0, StartBlendId, MaxSwitchCount, FinalText, HardIds.Count);
}
