namespace SoftThinking;

/// <summary>Ends the thinking when the model is sure of the answer that it would give: a probe asks for it where the model hesitates (arXiv
/// 2504.15895).</summary>
public sealed record DeerExit
{
    internal const int MostTriggers = 1024;

    /// <summary>Confidence above which the thinking ends: 0 to 1.</summary>
    public float Threshold
    {
        get;
        init => field = OptionRange.Check(value, 0, 1, "0 to 1");
    } = 0.95f;

    /// <summary>Ids in place of which a probe is made, at most 1024; null for those of "Wait" in its spellings.</summary>
    public IReadOnlyList<int>? TriggerIds
    {
        get;
        init => field = value == null ? null : OptionRange.CheckAll(value, MostTriggers, id => id >= 0, "ids of 0 or more");
    }

    /// <summary>Most probes of a sample: 1 or more.</summary>
    public int MaxProbes
    {
        get;
        init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more");
    } = 10;

    /// <summary>Text of the probe, in place of the trigger; at most 64 tokens.</summary>
    public string ProbeText
    {
        get;
        init => field = OptionRange.NotNull(value);
    } = "\n**Final Answer**\n\\boxed";

    /// <summary>Most tokens of the answer to a probe: 1 to 64.</summary>
    public int ProbeTokens
    {
        get;
        init => field = OptionRange.Check(value, 1, 64, "1 to 64");
    } = 20;

    /// <summary>Whether the confidence is the arithmetic mean of the tokens' probabilities; otherwise the geometric mean.</summary>
    public bool ArithmeticMean { get; init; }

    /// <summary>Whether the answer to a probe has to end with the marker that ends the thought.</summary>
    public bool RequireEnd { get; init; } = true;

    /// <summary>Text before the marker that ends the thought; at most 64 tokens.</summary>
    public string ExitText
    {
        get;
        init => field = OptionRange.NotNull(value);
    } = "\n";

    /// <inheritdoc/>
    public bool Equals(DeerExit? other) => ReferenceEquals(this, other) || (other != null
        && (Threshold, MaxProbes, ProbeText, ProbeTokens) == (other.Threshold, other.MaxProbes, other.ProbeText, other.ProbeTokens)
        && (ArithmeticMean, RequireEnd, ExitText) == (other.ArithmeticMean, other.RequireEnd, other.ExitText)
        && (TriggerIds ?? []).SequenceEqual(other.TriggerIds ?? []) && TriggerIds == null == (other.TriggerIds == null));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Threshold, MaxProbes, ProbeText, ProbeTokens, ArithmeticMean, RequireEnd, ExitText);
}
