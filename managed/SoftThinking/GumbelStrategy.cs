namespace SoftThinking;

/// <summary>The mixture of <see cref="SoftStrategy"/> with Gumbel-softmax noise (arXiv 2508.03440).</summary>
public sealed record GumbelStrategy : ThinkingStrategy
{
    /// <inheritdoc/>
    public override string Name => "gumbel";

    /// <summary>Temperature of the softmax over ln w + noise: 0.0001 to 100.</summary>
    public float GumbelTemperature
    {
        get;
        init => field = OptionRange.Check(value, 0.0001f, 100, "0.0001 to 100");
    } = 0.5f;
}
