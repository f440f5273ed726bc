using SoftThinking.Interop;
using SoftThinking.Scheduling;
using SoftThinking.Thinking;

namespace SoftThinking.Execution;

/// <summary>New parameters of a slot.</summary>
/// <param name="Start">What a new sequence starts with; null if only the sampling parameters change.</param>
internal readonly record struct SlotUpdate(int Slot, SlotSampling Sampling, SlotStart? Start)
{
    /// <summary>A sequence was assigned its slot.</summary>
    public static SlotUpdate Begin(Sequence sequence)
    {
        SlotSetup setup = sequence.Setup;
        int[] prompt = [];
        if (setup.Penalizes)
        {
            prompt = [.. Enumerable.Range(0, sequence.PromptLength)
                .Where(i => !sequence.Embeddings.Any(span => span.Within(i, 1).Count > 0))
                .Select(sequence.Tokens.TokenAt)];
        }
        return new(sequence.Slot, setup.Sampling, new SlotStart(setup.State, setup.Penalizes, setup.Penalties, setup.Bias, setup.Lists, prompt));
    }

    /// <summary>Sampling parameters of a sequence that has begun.</summary>
    public static SlotUpdate Resample(Sequence sequence) => new(sequence.Slot, sequence.Setup.Sampling, null);
}

/// <summary>What a slot starts with.</summary>
/// <param name="Prompt">Ids of the prompt, for the penalties; empty without.</param>
internal readonly record struct SlotStart(SequenceState State, bool Penalizes, Penalties Penalties, LogitBias Bias, SlotLists Lists, int[] Prompt);
