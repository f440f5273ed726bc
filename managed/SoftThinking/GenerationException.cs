namespace SoftThinking;

/// <summary>A generation could not go on; the engine itself is fine.</summary>
public sealed class GenerationException(string message) : Exception(message);
