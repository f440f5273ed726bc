using SoftThinking.Interop;
using SoftThinking.Tokenization;

namespace SoftThinking.Execution;

/// <summary>A request's options as the device wants them.</summary>
/// <param name="Penalizes">Whether <paramref name="Penalties"/> change anything.</param>
/// <param name="TellsLogProbs">Whether log-probabilities are wanted.</param>
internal readonly record struct SlotSetup(
    SlotSampling Sampling, SequenceState State, Penalties Penalties, int? ThinkEndId, bool Penalizes, bool TellsLogProbs)
{
    /// <exception cref="ArgumentException">The text that ends thinking is not one token, or what follows it is too long.</exception>
    public static SlotSetup Make(GenerationRequest request, Tokenizer tokenizer, int vocabulary)
    {
        SamplingOptions options = request.Sampling;
        int[] end = tokenizer.Encode(options.ThinkEnd, addSpecialTokens: false);
        // Only who limits or mixes thoughts must be able to end them; others just see where they end.
        bool ends = options.SoftThinking || options.MaxThinkingTokens != null;
        if (ends && end.Length != 1)
        {
            throw new ArgumentException($"'{options.ThinkEnd}', which ends the thinking, is {end.Length} tokens of this model; "
                + "it must be one (turn soft thinking off for a model that does not think)");
        }
        int? thinkEnd = end.Length == 1 ? end[0] : null;
        int[] forced = options.ThinkEndText.Length > 0 ? tokenizer.Encode(options.ThinkEndText, addSpecialTokens: false) : [];
        if (forced.Length > SlotSampling.MaxForced)
            throw new ArgumentException($"the text that follows a forced end of thinking is {forced.Length} tokens; at most {SlotSampling.MaxForced} are possible");
        if (forced.Append(thinkEnd ?? 0).Max() is int largest && largest >= vocabulary)
            throw new ArgumentException($"the tokenizer knows token {largest}, the model's vocabulary ends at {vocabulary - 1}");
        bool open = new ThoughtTracker(tokenizer, request.Prompt, options.SoftThinking, thinkEnd).Thinking;
        return new SlotSetup(
            SamplingOf(options, thinkEnd ?? -1, forced),
            new SequenceState { Thinking = ends && open ? 1 : 0, ForcedNext = -1 },
            new Penalties
            {
                Repetition = options.RepetitionPenalty,
                Frequency = options.FrequencyPenalty,
                Presence = options.PresencePenalty,
            },
            thinkEnd,
            options.Penalizes,
            TellsLogProbs: request.LogProbs != null);
    }

    /// <summary>The same for another sample of the request.</summary>
    public SlotSetup ForSample(int sample)
    {
        SlotSampling sampling = Sampling;
        sampling.Seed += (ulong)sample;
        return this with { Sampling = sampling };
    }

    private static SlotSampling SamplingOf(SamplingOptions options, int thinkEnd, int[] forced)
    {
        SlotSampling sampling = new()
        {
            Thinking = FilterOf(options.Thinking),
            After = FilterOf(options.AfterThinking),
            Seed = options.Seed,
            Soft = options.SoftThinking ? 1 : 0,
            MaxTopk = options.MaxTopk,
            // The cold stop belongs to soft thinking.
            EntropyThreshold = options.SoftThinking ? options.EarlyStoppingEntropyThreshold : 0,
            LengthThreshold = options.EarlyStoppingLengthThreshold,
            ColdStopAfterThinking = options.ColdStopAfterThinking ? 1 : 0,
            MaxThinkingTokens = options.MaxThinkingTokens ?? -1,
            DirichletAlpha = options.DirichletAlpha,
            GumbelTemperature = options.GumbelSoftmaxTemperature,
            ThinkEndId = thinkEnd,
            ForcedCount = forced.Length,
        };
        forced.CopyTo(sampling.Forced);
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
