namespace SoftThinking;

/// <summary>Latent-GRPO (arXiv 2604.27998): the tokens with the largest perturbed log-probabilities.</summary>
public sealed record LatentGrpoStrategy : PerturbedStrategy
{
    /// <summary>The published parameters.</summary>
    public LatentGrpoStrategy() => GumbelTemperature = 1;

    /// <inheritdoc/>
    public override string Name => "latent-grpo";

    /// <summary>Whether noise only raises scores: it is measured from the lower bound of <see cref="PerturbedStrategy.NoiseClamp"/>.</summary>
    public bool OneSided { get; init; } = true;
}
