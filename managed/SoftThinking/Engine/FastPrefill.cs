namespace SoftThinking;

/// <summary>What came of <see cref="EngineOptions.FastPrefill"/>.</summary>
/// <param name="InEffect">Whether another library multiplies prompts.</param>
/// <param name="Note">Its name and version, or why there is none.</param>
public readonly record struct FastPrefill(bool InEffect, string Note);
