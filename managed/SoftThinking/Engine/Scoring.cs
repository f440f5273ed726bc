using SoftThinking.Scheduling;

namespace SoftThinking;

/// <summary>Turns a request for scores into a sequence of the engine, and its results into scores.</summary>
internal static class Scoring
{
    /// <param name="prompt">The encoded prompt of the request, which is checked.</param>
    /// <exception cref="ArgumentException">Something of the request does not fit the model, or the number of recorded tokens.</exception>
    /// <exception cref="GenerationLimitException">The request exceeds a limit of the engine.</exception>
    public static (PreparedRequest Sequence, ScoreTargets Targets) Prepare(
        ScoreRequest request, EncodedPrompt prompt, int vocabulary, int context, EngineOptions options)
    {
        CheckCounts(request);
        CheckLimits(request, prompt, context, options);
        for (int step = 0; step < request.Tokens.Count; step++)
            CheckIds(request, step, vocabulary);
        EncodedPrompt inputs = prompt with { Tokens = [.. prompt.Tokens, .. request.Tokens.SkipLast(1)] };
        // The last position is not sampled, but counts as if it were: the sequence is as long as that which was recorded.
        GenerationRequest generation = new() { Prompt = request.Prompt, Priority = request.Priority };
        return (new PreparedRequest(generation, inputs, default, MaxNewTokens: 1), TargetsOf(request, prompt.Tokens.Count));
    }

    /// <summary>The results of a sequence that has ended.</summary>
    public static ReplayScores Read(ScoreRequest request, ScoreTargets targets) =>
        new([.. request.Tokens.Select((token, step) => Read(token, targets.LogP1Of(step), targets.LogPtOf(step)))]);

    private static StepScores Read(ConceptToken token, ReadOnlySpan<float> logP1, ReadOnlySpan<float> logPt) => new()
    {
        LogP1 = logP1[..token.Count].ToArray(),
        LogPt = logPt[..token.Count].ToArray(),
        TokenLogP1 = logP1[token.Count],
        TokenLogPt = logPt[token.Count],
        IdsLogP1 = logP1[(token.Count + 1)..].ToArray(),
        IdsLogPt = logPt[(token.Count + 1)..].ToArray(),
    };

    /// <summary>The ids of each token: its entries, itself, and the further ones.</summary>
    private static ScoreTargets TargetsOf(ScoreRequest request, int promptLength)
    {
        int steps = request.Tokens.Count;
        int[] ends = new int[steps], ids = new int[Enumerable.Range(0, steps).Sum(step => IdsOf(request, step))];
        int next = 0;
        for (int step = 0; step < steps; step++)
        {
            ConceptToken token = request.Tokens[step];
            foreach (ConceptEntry entry in token.Entries)
                ids[next++] = entry.Id;
            ids[next++] = token.Token;
            foreach (int id in request.Ids?[step] ?? [])
                ids[next++] = id;
            ends[step] = next;
        }
        return new ScoreTargets(promptLength - 1, [.. Enumerable.Range(0, steps).Select(request.TemperatureOf)], ends, ids);
    }

    private static int IdsOf(ScoreRequest request, int step) => request.Tokens[step].Count + 1 + (request.Ids?[step].Count ?? 0);

    private static void CheckCounts(ScoreRequest request)
    {
        int tokens = request.Tokens.Count;
        if (request.Temperatures is { } temperatures && temperatures.Count != tokens)
            throw new ArgumentException($"{nameof(ScoreRequest.Temperatures)} has {temperatures.Count} numbers for {tokens} recorded tokens");
        if (request.Ids is { } ids && ids.Count != tokens)
            throw new ArgumentException($"{nameof(ScoreRequest.Ids)} has {ids.Count} lists for {tokens} recorded tokens");
        long all = Enumerable.Range(0, tokens).Sum(step => (long)IdsOf(request, step));
        if (all > Array.MaxLength)
            throw new ArgumentException($"{all} ids are to be scored; a request has at most {Array.MaxLength}");
    }

    private static void CheckLimits(ScoreRequest request, EncodedPrompt prompt, int context, EngineOptions options)
    {
        int positions = prompt.Tokens.Count + request.Tokens.Count;
        if (positions > context)
        {
            throw new GenerationLimitException(GenerationLimit.Context,
                $"the prompt of {prompt.Tokens.Count} tokens and {request.Tokens.Count} recorded ones have {positions} positions; "
                + $"the context has {context}");
        }
        CheckEntries("the prompt's token", prompt.Tokens, options.MaxTopk);
        CheckEntries("recorded token", request.Tokens, options.MaxTopk);
    }

    private static void CheckEntries(string name, IReadOnlyList<ConceptToken> tokens, int most)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Count <= most)
                continue;
            throw new GenerationLimitException(GenerationLimit.MaxTopk,
                $"{name} {i} mixes {tokens[i].Count} tokens; the engine's {nameof(EngineOptions.MaxTopk)}, which has to be raised for it, is {most}");
        }
    }

    private static void CheckIds(ScoreRequest request, int step, int vocabulary)
    {
        ConceptToken token = request.Tokens[step];
        Check(token.Token, $"recorded token {step}");
        foreach (ConceptEntry entry in token.Entries)
            Check(entry.Id, $"recorded token {step}");
        foreach (int id in request.Ids?[step] ?? [])
            Check(id, $"the list of ids for recorded token {step}");

        void Check(int id, string name)
        {
            if (id < 0 || id >= vocabulary)
                throw new ArgumentException($"{name} contains id {id}, which is outside the vocabulary of {vocabulary}");
        }
    }
}
