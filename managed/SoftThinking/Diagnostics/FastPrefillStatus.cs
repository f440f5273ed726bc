namespace SoftThinking.Diagnostics;

/// <summary>Whether fast prefill (<see cref="EngineOptions.FastPrefill"/>) is in effect, and if not, why.</summary>
/// <param name="InEffect">Whether the vendor's library multiplies prompts.</param>
/// <param name="Note">The library's name and version, or why it is not in use.</param>
public readonly record struct FastPrefillStatus(bool InEffect, string Note);
