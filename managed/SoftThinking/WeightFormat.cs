namespace SoftThinking;

/// <summary>Number format of the matrices in memory.</summary>
public enum WeightFormat
{
    /// <summary>As the checkpoint stores them.</summary>
    Stored,

    /// <summary>Blocks of 32 8-bit integers with a common scale: half the memory of bf16, and nearly twice its speed where memory
    /// bandwidth is the limit.</summary>
    Int8,

    /// <summary>8-bit floats (e4m3) with a scale for each row, in all matrices but the embedding and the LM head: half the memory of bf16, and
    /// nearly twice its speed where memory bandwidth is the limit.</summary>
    Fp8,
}
