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

/// <summary>What a layer computes, apart from the sizes that all layers share.</summary>
/// <param name="Rope">How queries and keys are rotated; null: they are not.</param>
internal sealed record LayerConfig(RopeConfig? Rope, QkNormKind QkNorm = QkNormKind.None);
