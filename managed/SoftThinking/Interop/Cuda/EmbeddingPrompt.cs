namespace SoftThinking.Interop.Cuda;

/// <summary>A prompt that has rows of embeddings in device memory among, or in place of, its tokens. Rows equal to those of the model's
/// embedding table have the same result as their ids, bit for bit. The prefix cache ends where the first of them stands, penalties
/// count the tokens only, and a thought is open as the tokens after the last of them say. The engine must be on one device.</summary>
/// <param name="Parts">The parts in their order; together at least one position.</param>
public sealed record EmbeddingPrompt(IReadOnlyList<PromptPart> Parts) : Prompt
{
    /// <summary>The parts in their order; together at least one position.</summary>
    public IReadOnlyList<PromptPart> Parts { get; init => field = Checked(value); } = Checked(Parts);

    internal long Positions => Parts.Sum(part => part is EmbeddingPart rows ? (long)rows.Rows : ((TokenPart)part).Tokens.Count);

    private static IReadOnlyList<PromptPart> Checked(IReadOnlyList<PromptPart> parts)
    {
        PromptPart[] copy = [.. OptionRange.NotNull(parts, nameof(Parts))];
        return copy.Contains(null) ? throw new ArgumentOutOfRangeException(nameof(Parts), $"{nameof(Parts)} must not contain null") : copy;
    }
}
