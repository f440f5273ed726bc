namespace SoftThinking;

/// <summary>Ends a sample whose confidence is low: the mean of the last steps' confidence falls below a bar (arXiv 2508.15260).</summary>
public sealed record DeepConfExit
{
    /// <summary>Steps that the mean is over: 1 to 65,536.</summary>
    public int Window
    {
        get;
        init => field = OptionRange.Check(value, 1, 65_536, "1 to 65536");
    } = 2048;

    /// <summary>The mean below which the sample ends: 0 to 1000 nats; null to take it from the first samples of a request.</summary>
    public float? Bar
    {
        get;
        init => field = value is float nats ? OptionRange.Check(nats, 0, 1000, "0 to 1000 nats") : null;
    }

    /// <summary>Samples that run to their end first and set the bar, where <see cref="Bar"/> is null: 1 to 256.</summary>
    public int Warmup
    {
        get;
        init => field = OptionRange.Check(value, 1, 256, "1 to 256");
    } = 16;

    /// <summary>Percentage of those samples that would pass the bar: 0 to 100.</summary>
    public float ConfidencePercentile
    {
        get;
        init => field = OptionRange.Check(value, 0, 100, "0 to 100");
    } = 90;
}
