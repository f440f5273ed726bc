namespace SoftThinking.Interop.Cuda;

/// <summary>Tokens of a prompt, which may be concept tokens.</summary>
/// <param name="Tokens">Any number; all ids within the model's vocabulary.</param>
public sealed record TokenPart(IReadOnlyList<ConceptToken> Tokens) : PromptPart
{
    /// <summary>Any number; all ids within the model's vocabulary.</summary>
    public IReadOnlyList<ConceptToken> Tokens { get; init => field = OptionRange.NotNull(value); } = OptionRange.NotNull(Tokens);
}
