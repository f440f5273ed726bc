using SoftThinking.Interop;

namespace SoftThinking.Thinking;

/// <summary>Lists of ids that the sampling parameters of a slot refer to, each ascending.</summary>
/// <param name="Hard">Ids that SwiReasoning never mixes.</param>
/// <param name="Eat">Ids after which a probe is made.</param>
/// <param name="Deer">Ids in place of which a probe is made.</param>
internal sealed record SlotLists(int[] Hard, int[] Eat, int[] Deer)
{
    public static SlotLists None { get; } = new([], [], []);

    /// <exception cref="RequestOptionException">There is no id in place of which probes could be made.</exception>
    public static SlotLists Make(SamplingOptions options, TokenSets tokens)
    {
        if ((options.Strategy, options.Eat, options.Deer) is (not SwiReasoningStrategy, null, null))
            return None;
        int[] deer = options.Deer == null ? [] : Ascending(options.Deer.TriggerIds ?? tokens.Waits);
        if (options.Deer != null && deer.Length == 0)
        {
            throw RequestOption.DeerTriggerIds.Error("must name ids: this model's vocabulary has no token "
                + $"for {string.Join(", ", TokenSets.WaitSpellings.Select(each => $"'{each}'"))}");
        }
        return new SlotLists(
            options.Strategy is SwiReasoningStrategy switches ? Ascending(switches.HardIds) : [],
            options.Eat is { Interval: 0 } ? tokens.EmptyLines : [],
            deer);
    }

    /// <summary>Writes the lengths of the lists.</summary>
    public void CountIn(ref SlotSampling sampling)
    {
        sampling.Swireasoning.HardCount = Hard.Length;
        sampling.Eat.TriggerCount = Eat.Length;
        sampling.Deer.TriggerCount = Deer.Length;
    }

    /// <exception cref="RequestOptionException">An id of a request is outside the vocabulary.</exception>
    public void Check(int vocabulary)
    {
        foreach ((int[] ids, RequestOption option) in (ReadOnlySpan<(int[], RequestOption)>)[(Hard, RequestOption.HardIds), (Deer, RequestOption.DeerTriggerIds)])
        {
            if (ids.Length > 0 && ids[^1] >= vocabulary)
                throw option.Error($"contains id {ids[^1]}, which is outside the vocabulary of {vocabulary}");
        }
    }

    private static int[] Ascending(IEnumerable<int> ids) => [.. ids.Distinct().Order()];
}
