namespace SoftThinking;

/// <summary>SofT-GRPO (arXiv 2511.06411): the entries of <see cref="SoftStrategy"/> with perturbed log-probabilities.</summary>
public sealed record SoftGrpoStrategy : PerturbedStrategy
{
    /// <summary>The published parameters.</summary>
    public SoftGrpoStrategy() => GumbelTemperature = 0.1f;

    /// <inheritdoc/>
    public override string Name => "soft-grpo";

    internal override int DefaultTopk => 5;
}
