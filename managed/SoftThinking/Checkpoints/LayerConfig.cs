namespace SoftThinking.Checkpoints;

/// <summary>RMS norm of queries and keys before the rotary embedding.</summary>
internal enum QkNormKind
{
    None,

    /// <summary>Of each head, with the same weights for all.</summary>
    PerHead,

    /// <summary>Of all heads of a row together, with weights of their own.</summary>
    AllHeads,
}

/// <summary>A feed-forward network of experts, of which a router chooses some for each position.</summary>
/// <param name="Count">Experts of the layer.</param>
/// <param name="PerToken">Experts that a position uses.</param>
/// <param name="FfnSize">Inner elements of an expert.</param>
/// <param name="Normalizes">Whether the weights of the chosen experts are divided by their sum.</param>
internal sealed record ExpertConfig(int Count, int PerToken, int FfnSize, bool Normalizes)
{
    /// <summary>As ST_MAX_EXPERTS of the backends.</summary>
    public const int MaxCount = 1024;
}

/// <summary>Which rotary embedding a layer has.</summary>
internal enum LayerRope
{
    /// <summary>That of the model.</summary>
    Model,

    /// <summary>That of the model without its scaling.</summary>
    Unscaled,

    None,
}

/// <summary>What a layer computes, apart from the settings that all layers share: it has no copy of one, so that a model whose settings change has
/// no layer with old ones.</summary>
/// <param name="Rope">How queries and keys are rotated, see <see cref="ModelConfig.RopeOf"/>.</param>
/// <param name="Window">Positions that attention sees, the row's own included: fewer than the model has; null: all.</param>
/// <param name="Experts">Null: one feed-forward network for all positions.</param>
internal sealed record LayerConfig(
    LayerRope Rope = LayerRope.Model, QkNormKind QkNorm = QkNormKind.None, int? Window = null, ExpertConfig? Experts = null);
