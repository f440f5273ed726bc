using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>The size of an engine's KV cache, and the limits that follow from it.</summary>
/// <param name="Layout">How the layers share the blocks.</param>
/// <param name="Blocks">Blocks of the pool.</param>
/// <param name="ContextLength">Maximum positions of a sequence.</param>
/// <param name="WeightBytes">Bytes of the packed weights.</param>
internal readonly record struct KvPlan(NativeDtype Dtype, KvLayout Layout, int Blocks, int ContextLength, RunnerLimits Limits, long WeightBytes)
{
    /// <param name="sharers">Ranks that share the device's memory, if it has none of its own.</param>
    /// <exception cref="ArgumentOutOfRangeException">The context is longer than the model's, or the KV cache smaller than a block.</exception>
    /// <exception cref="InsufficientMemoryException">The weights, or weights and cache, exceed the free memory.</exception>
    public static KvPlan Make(Device device, ITensorSource source, ModelShard shard, EngineOptions options, int sharers = 1)
    {
        NativeDtype dtype = DtypeOf(options.KvDtype);
        int context = ContextOf(source, options);
        long weights = ModelWeights.Measure(source, shard, options.Weights, device);
        KvLayout layout = KvLayout.Of(shard.Whole);
        RunnerLimits limits = LimitsOf(options, layout, context);
        long needed = weights + Runner.Measure(device, shard, limits);
        DeviceInfo info = device.Query();
        long free = (long)info.FreeMemory / (info.OwnMemory ? 1 : sharers) - needed;
        if (free < 0)
            throw NotEnough("the weights and the work buffers", needed, needed + free);
        long blockBytes = KvCache.Measure(device, shard, dtype, 1);
        long blocks = BlocksThatFit(options, layout, context, limits.Rows, free, info.OwnMemory ? 0.9 : 0.5, blockBytes);
        return new KvPlan(dtype, layout, 0, context, limits, weights).With((int)blocks, options);
    }

    /// <summary>The same with another number of blocks: ranks have as many as the one with the fewest.</summary>
    public KvPlan With(int blocks, EngineOptions options)
    {
        int context = Layout.ContextOf(blocks, ContextLength, Limits.Rows);
        return this with { Blocks = blocks, ContextLength = context, Limits = LimitsOf(options, Layout, context) };
    }

    /// <summary>The model as it is for the contexts that the options allow.</summary>
    public static ModelConfig ConfigOf(ITensorSource source, EngineOptions options) => source.Config.ForContext(ContextOf(source, options));

    public static NativeDtype DtypeOf(KvDtype dtype) => dtype switch
    {
        KvDtype.F32 => NativeDtype.F32,
        KvDtype.Int8 => NativeDtype.Int8,
        _ => NativeDtype.Bf16,
    };

    public static RunnerLimits LimitsOf(EngineOptions options, KvLayout layout, int context) => new(
        Rows: Math.Max(options.StepTokens, options.MaxSequences),
        Slots: options.MaxSequences,
        Entries: options.MaxTopk,
        BlocksPerSequence: KvCache.BlocksFor(context),
        Groups: layout.Groups);

    /// <exception cref="ArgumentOutOfRangeException">The options want more than the model has.</exception>
    private static int ContextOf(ITensorSource source, EngineOptions options)
    {
        int most = source.Config.MaxPositions, context = options.ContextLength ?? most;
        return context <= most
            ? context
            : throw OptionRange.Error(context, $"at most {most}, the model's limit of positions", nameof(EngineOptions.ContextLength));
    }

    /// <param name="stepRows">Maximum rows of a step.</param>
    /// <param name="share">Fraction of the free memory to use when no size is configured.</param>
    private static long BlocksThatFit(EngineOptions options, KvLayout layout, int context, int stepRows, long free, double share, long blockBytes)
    {
        if (options.KvCacheBytes is long bytes)
        {
            if (bytes > free)
                throw NotEnough("keys and values", bytes, free);
            long least = layout.Groups * blockBytes;
            if (bytes < least)
                throw OptionRange.Error(bytes, $"at least {least} bytes, {KvCache.BlockPositions} positions of this model", nameof(EngineOptions.KvCacheBytes));
            return Math.Min(bytes / blockBytes, int.MaxValue);
        }
        // All sequences decode at the end of their contexts, and one more step's rows of prompts are within the windows.
        long decoding = layout.BlocksHeld(context, 1), wanted = (options.MaxSequences - 1) * decoding + layout.BlocksHeld(context, stepRows);
        long possible = Math.Min((long)(free * share) / blockBytes, int.MaxValue);
        // A smaller cache is of no practical use.
        long minimum = layout.BlocksHeld(Math.Min(context, 16 * KvCache.BlockPositions), stepRows);
        return possible < minimum ? throw NotEnough("keys and values", (long)(minimum * blockBytes / share), free) : Math.Min(wanted, possible);
    }

    private static InsufficientMemoryException NotEnough(string what, long bytes, long free)
    {
        return new($"not enough memory: {what} need {Size(bytes)}, {Size(free)} are free, {Size(bytes - free)} are missing");

        static string Size(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:N1} MiB");
    }
}
