namespace SoftThinking;

/// <summary>Checks a request against a model and the limits of an engine.</summary>
internal static class RequestCheck
{
    /// <exception cref="ArgumentException">The prompt is empty or broken.</exception>
    /// <exception cref="GenerationLimitException">It leaves no room in the context.</exception>
    public static void Prompt(GenerationRequest request, int vocabulary, int context)
    {
        IReadOnlyList<ConceptToken> prompt = request.Prompt;
        if (prompt.Count == 0)
            throw new ArgumentException("the prompt is empty");
        if (prompt.Count >= context)
        {
            throw new GenerationLimitException(GenerationLimit.Context,
                $"the prompt has {prompt.Count} tokens; the context of {context} must hold it and an answer");
        }
        for (int i = 0; i < prompt.Count; i++)
            Token(prompt[i], i, vocabulary);
    }

    /// <exception cref="GenerationLimitException">The request asks for more than the engine gives.</exception>
    public static void Limits(GenerationRequest request, EngineOptions options)
    {
        if (options.MaxNewTokens is int most && request.MaxNewTokens > most)
        {
            throw new GenerationLimitException(GenerationLimit.Output,
                $"{request.MaxNewTokens} new tokens are asked for; at most {most} are allowed");
        }
        int entries = request.Prompt.Max(token => token.Ids.Length);
        if (request.Sampling.SoftThinking)
            entries = Math.Max(entries, request.Sampling.MaxTopk);
        if (entries > options.MaxTopk)
        {
            throw new GenerationLimitException(GenerationLimit.MaxTopk,
                $"the request mixes {entries} tokens; the engine's {nameof(EngineOptions.MaxTopk)} is {options.MaxTopk}");
        }
    }

    private static void Token(ConceptToken token, int place, int vocabulary)
    {
        if (token.Ids.IsDefaultOrEmpty || token.Weights.IsDefault || token.Ids.Length != token.Weights.Length)
            throw new ArgumentException($"the prompt's token {place} must have ids, and a weight for each");
        foreach (int id in token.Ids)
        {
            if (id < 0 || id >= vocabulary)
                throw new ArgumentException($"the prompt's token {place} has id {id}; the model's vocabulary ends at {vocabulary - 1}");
        }
        foreach (float weight in token.Weights)
        {
            if (!(weight > 0 && weight <= 1))
                throw new ArgumentException(FormattableString.Invariant($"the prompt's token {place} has weight {weight}; weights are above 0, at most 1"));
        }
    }
}
