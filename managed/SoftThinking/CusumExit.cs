namespace SoftThinking;

/// <summary>Ends the thinking when the entropy has fallen for long enough: a cumulative sum of how far it lies below its mean (arXiv
/// 2606.02020).</summary>
public sealed record CusumExit
{
    /// <summary>The sum that ends the thinking, in nats: above 0.</summary>
    public float Threshold
    {
        get;
        init => field = OptionRange.Check(value, float.Epsilon, 1e6f, "above 0, at most 1000000 nats");
    } = 16;

    /// <summary>Subtracted at each step, in nats: 0 or more.</summary>
    public float Drift
    {
        get;
        init => field = OptionRange.Check(value, 0, 1000, "0 to 1000 nats");
    } = 0.05f;

    /// <summary>The mean entropy of thoughts, in nats; unused where <see cref="Warmup"/> measures it.</summary>
    public float Mean
    {
        get;
        init => field = OptionRange.Check(value, 0, 1000, "0 to 1000 nats");
    }

    /// <summary>Number of first thoughts whose mean entropy is used in place of <see cref="Mean"/>: 0 (none) to 100,000.</summary>
    public int Warmup
    {
        get;
        init => field = OptionRange.Check(value, 0, 100_000, "0 to 100000");
    } = 64;
}
