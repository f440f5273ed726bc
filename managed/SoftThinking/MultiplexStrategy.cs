namespace SoftThinking;

/// <summary>Multiplex Thinking (arXiv 2601.08808): several independent draws at once.</summary>
public sealed record MultiplexStrategy : ThinkingStrategy
{
    /// <inheritdoc/>
    public override string Name => "multiplex";

    /// <summary>Whether all draws have the same weight; otherwise their probabilities, renormalized.</summary>
    public bool UniformWeights { get; init; }

    /// <summary>A single draw where the entropy of the kept distribution is at most this, in nats: 0 or more; null for never.</summary>
    public float? MaskThreshold
    {
        get;
        init => field = value is float nats ? OptionRange.Check(nats, 0, 1000, "0 to 1000 nats") : null;
    }

    internal override int DefaultTopk => 3;

    internal override int LargestTopk => 64;
}
