namespace SoftThinking.Checkpoints;

/// <summary>What config.json says of matrices of 8-bit floats.</summary>
/// <param name="Method">Name of the quantization.</param>
/// <param name="Strategy">How scales are assigned, as the configuration says it.</param>
/// <param name="BlockRows">Rows that share a scale; null: all.</param>
/// <param name="BlockCols">Columns that share a scale; null: all.</param>
/// <param name="Excluded">Modules that are not quantized.</param>
internal sealed record Fp8Config(string Method, string Strategy, int? BlockRows, int? BlockCols, ModuleList Excluded);
