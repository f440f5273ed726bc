namespace SoftThinking;

/// <summary>Soft Thinking (arXiv 2505.15778): the most likely tokens, weighted by their probabilities.</summary>
public sealed record SoftStrategy : ThinkingStrategy
{
    /// <inheritdoc/>
    public override string Name => "soft";

    /// <summary>Concentration of Dirichlet noise on the weights: 0 (off) to 1,000,000.</summary>
    public float DirichletAlpha
    {
        get;
        init => field = OptionRange.Check(value, 0, 1e6f, "0 to 1000000");
    }

    /// <summary>Temperature of Gumbel-softmax noise on the weights: 0 (off), or 0.0001 to 100.</summary>
    public float GumbelSoftmaxTemperature
    {
        get;
        init => field = value == 0 ? 0 : OptionRange.Check(value, 0.0001f, 100, "0, or 0.0001 to 100");
    }
}
