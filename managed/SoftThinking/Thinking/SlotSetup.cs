using SoftThinking.Interop;

namespace SoftThinking.Thinking;

/// <summary>A request's options in the form that the device reads.</summary>
/// <param name="State">Where the sequence starts.</param>
/// <param name="Bias">Biased ids with their values, then held ids.</param>
/// <param name="Lists">Ids that <paramref name="Sampling"/> refers to.</param>
/// <param name="Probes">What the probes of early exits feed.</param>
/// <param name="Markers">The markers that the host recognizes in the output.</param>
/// <param name="Penalizes">Whether <paramref name="Penalties"/> or <paramref name="Bias"/> change a logit.</param>
/// <param name="ReportsLogProbs">Whether log-probabilities are reported.</param>
internal readonly record struct SlotSetup(
    SlotSampling Sampling, SequenceState State, Penalties Penalties, LogitBias Bias, SlotLists Lists, ProbeTexts Probes, ThinkingMarkers Markers,
    bool Penalizes, bool ReportsLogProbs)
{
    /// <summary>Whether every step is recorded.</summary>
    public bool Records => Sampling.Record != 0;

    /// <param name="prompt">How the prompt leaves its thought.</param>
    /// <param name="endIds">Ids that end the text.</param>
    /// <param name="context">Maximum positions of a sequence.</param>
    /// <exception cref="ArgumentException">Thinking cannot be ended as the request wants it; an option does not fit the model; an id is
    /// outside the vocabulary; or there are too many ids.</exception>
    public static SlotSetup Make(
        GenerationRequest request, PromptState prompt, ThinkingMarkers markers, TokenSets tokens, IReadOnlyList<int> endIds, int vocabulary, int context)
    {
        SamplingOptions options = request.Sampling;
        CheckEnd(request, markers);
        ForcedTexts forced = ForcedTexts.Make(options, markers, tokens.Tokenizer);
        ProbeTexts probes = ProbeTexts.Make(options, markers, tokens.Tokenizer);
        SlotLists lists = SlotLists.Make(options, tokens);
        SlotSampling sampling = SamplingOf(options, markers);
        forced.CopyTo(ref sampling);
        StrategySetup.Apply(ref sampling, options, tokens, request.MaxNewTokens ?? context);
        ExitSetup.Apply(ref sampling, options, endIds);
        lists.CountIn(ref sampling);
        // A probe that replaces a token takes its log-probability from the record; confidences come with it, too.
        sampling.Record = request.Record || options.DeepConf != null || (options.Deer != null && request.LogProbs != null) ? 1 : 0;
        if (request.EndThinking.IsCancellationRequested)
            sampling.MaxThinkingTokens = 0;
        CheckIds([.. forced.Ids, .. probes.Eat, .. probes.Deer, .. markers.Start?.Ids ?? [], .. markers.End?.Ids ?? []], vocabulary);
        lists.Check(vocabulary);
        if (sampling.Swireasoning.StartBlendId >= vocabulary)
            throw RequestOption.StartBlendId.Error($"is {sampling.Swireasoning.StartBlendId}, which is outside the vocabulary of {vocabulary}");
        LogitBias bias = LogitBias.Make(request, endIds, vocabulary);
        return new SlotSetup(
            sampling,
            StateOf(request, prompt),
            new Penalties
            {
                Repetition = options.RepetitionPenalty,
                Frequency = options.FrequencyPenalty,
                Presence = options.PresencePenalty,
                BiasCount = bias.Values.Length,
                HeldCount = bias.Ids.Length - bias.Values.Length,
                MinTokens = (uint)request.MinNewTokens,
            },
            bias,
            lists,
            probes,
            markers,
            Penalizes: bias.Ids.Length > 0 || options.RepetitionPenalty != 1 || options.FrequencyPenalty != 0 || options.PresencePenalty != 0,
            ReportsLogProbs: request.LogProbs != null);
    }

    /// <summary>The same with the seed of a sample.</summary>
    public SlotSetup WithSeed(ulong seed)
    {
        SlotSampling sampling = Sampling;
        sampling.Seed = seed;
        return this with { Sampling = sampling };
    }

    /// <summary>The same with the bar of <see cref="DeepConfExit"/>.</summary>
    public SlotSetup WithBar(DeepConfExit exit, float bar)
    {
        SlotSampling sampling = Sampling;
        (sampling.Deepconf.Window, sampling.Deepconf.Bar) = (exit.Window, bar);
        return this with { Sampling = sampling };
    }

    /// <summary>The same without a further thought.</summary>
    public SlotSetup WithoutThinking()
    {
        SlotSampling sampling = Sampling;
        sampling.MaxThinkingTokens = 0;
        return this with { Sampling = sampling };
    }

    private static void CheckEnd(GenerationRequest request, ThinkingMarkers markers)
    {
        if (markers.End == null && (request.Sampling.EndsThoughts || request.EndThinking.CanBeCanceled))
        {
            throw RequestOption.ThinkEnd.Error("must name the marker that ends a thought, which soft thinking, a thinking budget and early exits need: "
                + "this model has no known one. Or turn them off for a model that does not think");
        }
    }

    private static void CheckIds(ReadOnlySpan<int> ids, int vocabulary)
    {
        foreach (int id in ids)
        {
            if (id >= vocabulary)
                throw new ArgumentException($"the tokenizer has token {id}, but the model's vocabulary ends at {vocabulary - 1}");
        }
    }

    private static SequenceState StateOf(GenerationRequest request, PromptState prompt)
    {
        PromptState start = request.Thinking switch
        {
            ThinkingStart.Open => PromptState.Open,
            ThinkingStart.Closed => PromptState.Closed,
            _ => prompt,
        };
        bool thinking = start == PromptState.Open || (start == PromptState.Unmarked && request.Sampling.SoftThinking);
        return new SequenceState
        {
            Thinking = thinking ? 1 : 0,
            ForcedNext = -1,
            AnswerLeft = -1,
            Opening = !thinking && start == PromptState.Unmarked ? 0 : -1,
        };
    }

    private static SlotSampling SamplingOf(SamplingOptions options, ThinkingMarkers markers)
    {
        SlotSampling sampling = new()
        {
            Thinking = FilterOf(options.Thinking),
            After = FilterOf(options.AfterThinking),
            Soft = options.SoftThinking ? 1 : 0,
            MaxTopk = options.Topk,
            // The cold stop belongs to soft thinking.
            EntropyThreshold = options.SoftThinking ? options.EarlyStoppingEntropyThreshold : 0,
            LengthThreshold = options.EarlyStoppingLengthThreshold,
            ColdStopAfterThinking = options.ColdStopAfterThinking ? 1 : 0,
            MaxThinkingTokens = options.MaxThinkingTokens ?? -1,
            ThinkStartCount = markers.Start?.Ids.Length ?? 0,
            ThinkEndCount = markers.End?.Ids.Length ?? 0,
        };
        markers.Start?.Ids.CopyTo(sampling.ThinkStart);
        markers.End?.Ids.CopyTo(sampling.ThinkEnd);
        return sampling;
    }

    private static Filter FilterOf(FilterOptions options) => new()
    {
        Temperature = options.Temperature,
        TopP = options.TopP,
        MinP = options.MinP,
        TopK = options.TopK,
    };
}
