namespace SoftThinking.Interop.Cuda;

/// <summary>What a row of <see cref="StepLogits"/> belongs to.</summary>
/// <param name="Request">The request, as it was submitted.</param>
/// <param name="Sample">Index of the sample within it.</param>
/// <param name="Token">Index of the token that is about to be sampled, from 0.</param>
public readonly record struct LogitsRow(GenerationRequest Request, int Sample, int Token);
