namespace SoftThinking.Interop.Cuda;

/// <summary>A part of an <see cref="EmbeddingPrompt"/>: a <see cref="TokenPart"/> or an <see cref="EmbeddingPart"/>.</summary>
public abstract record PromptPart
{
    private protected PromptPart()
    {
    }
}
