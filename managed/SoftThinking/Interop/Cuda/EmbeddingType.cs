namespace SoftThinking.Interop.Cuda;

/// <summary>Number format of the rows of an <see cref="EmbeddingPart"/>.</summary>
public enum EmbeddingType
{
    /// <summary>32-bit floating point.</summary>
    F32,

    /// <summary>16-bit IEEE floating point.</summary>
    F16,

    /// <summary>The upper half of <see cref="F32"/>.</summary>
    Bf16,
}
