namespace SoftThinking;

/// <summary>A draw from a Dirichlet distribution around the kept probabilities (arXiv 2508.03440).</summary>
public sealed record DirichletStrategy : ThinkingStrategy
{
    /// <inheritdoc/>
    public override string Name => "dirichlet";

    /// <summary>Concentration: 0.0001 to 1,000,000; smaller is noisier.</summary>
    public float DirichletAlpha
    {
        get;
        init => field = OptionRange.Check(value, 0.0001f, 1e6f, "0.0001 to 1000000");
    } = 1;
}
