using SoftThinking.Interop;
using SoftThinking.Tokenization;

namespace SoftThinking.Thinking;

/// <summary>A request's options in the form that the device reads.</summary>
/// <param name="State">Where the sequence starts.</param>
/// <param name="Bias">Biased ids with their values, then held ids.</param>
/// <param name="Markers">The markers that the host recognizes in the output.</param>
/// <param name="Penalizes">Whether <paramref name="Penalties"/> or <paramref name="Bias"/> change a logit.</param>
/// <param name="ReportsLogProbs">Whether log-probabilities are reported.</param>
internal readonly record struct SlotSetup(
    SlotSampling Sampling, SequenceState State, Penalties Penalties, LogitBias Bias, ThinkingMarkers Markers, bool Penalizes,
    bool ReportsLogProbs)
{
    /// <summary>Maximum tokens of the text that follows a forced end of thinking.</summary>
    private const int MaxEndText = 64;

    /// <param name="prompt">How the prompt leaves its thought.</param>
    /// <param name="endIds">Ids that end the text.</param>
    /// <exception cref="ArgumentException">Thinking cannot be ended as the request wants it; an id is outside the vocabulary; or there
    /// are too many ids.</exception>
    public static SlotSetup Make(
        GenerationRequest request, PromptState prompt, ThinkingMarkers markers, Tokenizer tokenizer, IReadOnlyList<int> endIds, int vocabulary)
    {
        SamplingOptions options = request.Sampling;
        int[] forced = ForcedIds(request, markers, tokenizer);
        CheckIds([.. forced, .. markers.Start?.Ids ?? [], .. markers.End?.Ids ?? []], vocabulary);
        LogitBias bias = LogitBias.Make(request, endIds, vocabulary);
        return new SlotSetup(
            request.EndThinking.IsCancellationRequested ? SamplingOf(options with { MaxThinkingTokens = 0 }, markers, forced) : SamplingOf(options, markers, forced),
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

    /// <summary>The same without a further thought.</summary>
    public SlotSetup WithoutThinking()
    {
        SlotSampling sampling = Sampling;
        sampling.MaxThinkingTokens = 0;
        return this with { Sampling = sampling };
    }

    /// <summary>What follows the first id of a forced end of thinking: the rest of the marker, then the text.</summary>
    private static int[] ForcedIds(GenerationRequest request, ThinkingMarkers markers, Tokenizer tokenizer)
    {
        SamplingOptions options = request.Sampling;
        if (markers.End == null && (options.SoftThinking || options.MaxThinkingTokens != null || request.EndThinking.CanBeCanceled))
        {
            throw new ArgumentException("this model has no known marker that ends a thought, which soft thinking and a thinking budget "
                + $"need: name it with {nameof(SamplingOptions.ThinkEnd)}, or turn them off for a model that does not think");
        }
        int[] text = options.ThinkEndText.Length > 0 ? tokenizer.Encode(options.ThinkEndText, addSpecialTokens: false) : [];
        if (text.Length > MaxEndText)
            throw new ArgumentException($"the text that follows a forced end of thinking is {text.Length} tokens; the maximum is {MaxEndText}");
        return [.. markers.End?.Ids[1..] ?? [], .. text];
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

    private static SlotSampling SamplingOf(SamplingOptions options, ThinkingMarkers markers, int[] forced)
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
            DirichletAlpha = (options.Strategy as SoftStrategy)?.DirichletAlpha ?? 0,
            GumbelTemperature = (options.Strategy as SoftStrategy)?.GumbelSoftmaxTemperature ?? 0,
            End = new ForcedQueue { Begin = 0, End = forced.Length },
            ThinkStartCount = markers.Start?.Ids.Length ?? 0,
            ThinkEndCount = markers.End?.Ids.Length ?? 0,
        };
        markers.Start?.Ids.CopyTo(sampling.ThinkStart);
        markers.End?.Ids.CopyTo(sampling.ThinkEnd);
        forced.CopyTo(sampling.Forced);
        for (int i = 1; i < sampling.ThinkEndCount; i++) // the rest of the marker ends the thinking
            sampling.Forced[i - 1] |= SlotSampling.MayEnd;
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
