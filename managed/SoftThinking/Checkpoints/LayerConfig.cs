namespace SoftThinking.Checkpoints;

/// <summary>RMS norm of queries and keys before the rotary embedding.</summary>
internal enum QkNormKind
{
    None,

    /// <summary>Of each head, with the same weights for all.</summary>
    PerHead,
}

/// <summary>What a layer computes, apart from the sizes that all layers share.</summary>
/// <param name="Rope">How queries and keys are rotated.</param>
/// <param name="Window">Positions that attention sees, the row's own included: fewer than the model has; null: all.</param>
internal sealed record LayerConfig(RopeConfig Rope, QkNormKind QkNorm = QkNormKind.None, int? Window = null);
