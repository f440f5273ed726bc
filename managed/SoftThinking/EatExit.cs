namespace SoftThinking;

/// <summary>Ends the thinking when the entropy of the answer that it would give has settled: a probe asks for it after thoughts (arXiv
/// 2509.26522).</summary>
public sealed record EatExit
{
    /// <summary>Variance of the entropies below which the thinking ends, in square nats: above 0.</summary>
    public float Delta
    {
        get;
        init => field = OptionRange.Check(value, float.Epsilon, 1000, "above 0, at most 1000");
    } = 0.001f;

    /// <summary>Weight of the newest entropy in mean and variance: above 0, at most 1.</summary>
    public float Alpha
    {
        get;
        init => field = OptionRange.Check(value, 0.0001f, 1, "0.0001 to 1");
    } = 0.2f;

    /// <summary>Thoughts between two probes; 0, as published: after thoughts with an empty line.</summary>
    public int Interval
    {
        get;
        init => field = OptionRange.Check(value, 0, int.MaxValue, "0 or more");
    }

    /// <summary>Text of the probe after the marker that ends the thought; at most 64 tokens.</summary>
    public string ProbeText
    {
        get;
        init => field = OptionRange.NotNull(value);
    } = "";

    /// <summary>Fewest probes before the thinking may end: 1 or more; null for ⌈4 / <see cref="Alpha"/>⌉.</summary>
    public int? MinProbes
    {
        get;
        init => field = value is int probes ? OptionRange.Check(probes, 1, int.MaxValue, "1 or more") : null;
    }
}
