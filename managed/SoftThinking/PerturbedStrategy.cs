namespace SoftThinking;

/// <summary>A mixture by the softmax of log-probabilities with clamped Gumbel noise.</summary>
public abstract record PerturbedStrategy : ThinkingStrategy
{
    private protected PerturbedStrategy()
    {
    }

    /// <summary>Temperature of the softmax over the scores: 0.0001 to 100.</summary>
    public float GumbelTemperature
    {
        get;
        init => field = OptionRange.Check(value, 0.0001f, 100, "0.0001 to 100");
    }

    /// <summary>Factor of the noise: 0 (none) to 100.</summary>
    public float NoiseScale
    {
        get;
        init => field = OptionRange.Check(value, 0, 100, "0 to 100");
    } = 1;

    /// <summary>Bounds of the noise before it is scaled, ascending: -1000 to 1000 each.</summary>
    public (float Least, float Most) NoiseClamp
    {
        get;
        init => field = value is { Least: >= -1000, Most: <= 1000 } && value.Least < value.Most
            ? value
            : throw OptionRange.Error($"{value.Least}, {value.Most}", "two ascending numbers, -1000 to 1000");
    } = (-1.5f, 3);
}
