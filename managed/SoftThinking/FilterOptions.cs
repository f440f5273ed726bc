namespace SoftThinking;

/// <summary>One set of filters on the next-token distribution, applied in the order top-k, top-p, min-p.</summary>
public sealed record FilterOptions
{
    /// <summary>Divisor of the logits, 0 (greedy) or 0.0001 to 100.</summary>
    public float Temperature
    {
        get;
        init => field = value == 0 ? 0 : OptionRange.Check(value, 0.0001f, 100, "0, or 0.0001 to 100");
    } = 0.6f;

    /// <summary>Probability mass that the kept tokens reach together: above 0, at most 1 (off).</summary>
    public float TopP
    {
        get;
        init => field = value <= 0 ? throw OptionRange.Error(value, "above 0, at most 1") : OptionRange.Check(value, 0, 1, "above 0, at most 1");
    } = 0.95f;

    /// <summary>Number of tokens kept; 0 or less is off.</summary>
    public int TopK { get; init; } = 30;

    /// <summary>Minimum probability kept, as a fraction of the largest: 0 (off) to 1.</summary>
    public float MinP
    {
        get;
        init => field = OptionRange.Check(value, 0, 1, "0 to 1");
    }
}
