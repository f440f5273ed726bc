namespace SoftThinking.Checkpoints.Families;

/// <summary>Defaults of keys that are absent from config.json: those of the family's configuration class in Hugging Face
/// transformers.</summary>
internal sealed record FamilyDefaults
{
    public int HiddenSize { get; init; } = 4096;

    public int Layers { get; init; } = 32;

    public int Heads { get; init; } = 32;

    /// <summary>Null: as many as query heads.</summary>
    public int? KvHeads { get; init; }

    /// <summary>Null: hidden size / query heads.</summary>
    public int? HeadDim { get; init; }

    public required int FfnSize { get; init; }

    public required int VocabularySize { get; init; }

    public required int MaxPositions { get; init; }

    /// <summary>Whether "partial_rotary_factor" may be below 1.</summary>
    public bool RotatesParts { get; init; }

    /// <summary>Length of the context that the rotary embedding is scaled from; null: scalings differ.</summary>
    public int? OriginalMaxPositions { get; init; }

    public bool TieWordEmbeddings { get; init; }

    public double RopeTheta { get; init; } = 10_000;

    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Null: none.</summary>
    public int? BosId { get; init; }

    /// <summary>Null: none.</summary>
    public int? EosId { get; init; }

    /// <summary>The sliding window; null if the family has none.</summary>
    public WindowDefaults? Window { get; init; }
}

/// <summary>Defaults of a family's sliding window.</summary>
/// <param name="Size">Positions that a layer with the window sees; null: layers have one only if config.json has its size.</param>
/// <param name="FirstLayer">First layer that has the window, which is in use only with "use_sliding_window"; null: it is always in
/// use.</param>
/// <param name="FullEvery">Of as many layers the last has no window; null: each has it.</param>
internal sealed record WindowDefaults(int? Size, int? FirstLayer = null, int? FullEvery = null)
{
    public bool IsOptional => FirstLayer != null;

    /// <summary>Whether "layer_types" belongs to the family's settings.</summary>
    public bool HasLayerTypes => IsOptional || FullEvery != null;
}
