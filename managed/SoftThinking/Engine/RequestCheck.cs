namespace SoftThinking;

/// <summary>Checks of a request against the model and the engine's limits.</summary>
internal static class RequestCheck
{
    /// <exception cref="ArgumentException">The prompt is empty, or contains an id outside the vocabulary.</exception>
    /// <exception cref="GenerationLimitException">It leaves no room in the context.</exception>
    public static void Prompt(IReadOnlyList<ConceptToken> prompt, int vocabulary, int context)
    {
        if (prompt.Count == 0)
            throw new ArgumentException("the prompt is empty");
        if (prompt.Count >= context)
        {
            throw new GenerationLimitException(GenerationLimit.Context,
                $"the prompt has {prompt.Count} tokens; the context of {context} must hold it and an answer");
        }
        for (int i = 0; i < prompt.Count; i++)
        {
            ConceptToken token = prompt[i];
            CheckId(token.Token, i, vocabulary);
            if (token.IsPlain)
                continue;
            foreach (ConceptEntry entry in token.Entries)
                CheckId(entry.Id, i, vocabulary);
        }
    }

    /// <exception cref="GenerationLimitException">The request exceeds a limit of the engine.</exception>
    public static void Limits(GenerationRequest request, IReadOnlyList<ConceptToken> prompt, EngineOptions options)
    {
        if (options.MaxNewTokens is int most && request.MaxNewTokens > most)
        {
            throw new GenerationLimitException(GenerationLimit.Output,
                $"the request asks for {request.MaxNewTokens} new tokens; the engine's {nameof(EngineOptions.MaxNewTokens)} is {most}");
        }
        int entries = prompt.Max(token => token.Count);
        if (request.Sampling.SoftThinking)
            entries = Math.Max(entries, request.Sampling.Entries);
        if (entries > options.MaxTopk)
        {
            throw new GenerationLimitException(GenerationLimit.MaxTopk,
                $"the request mixes {entries} tokens; the engine's {nameof(EngineOptions.MaxTopk)} is {options.MaxTopk}");
        }
    }

    private static void CheckId(int id, int position, int vocabulary)
    {
        if (id >= vocabulary)
            throw new ArgumentException($"the prompt's token {position} contains id {id}, which is outside the vocabulary of {vocabulary}");
    }
}
