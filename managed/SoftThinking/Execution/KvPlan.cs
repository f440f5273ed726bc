using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>The size of an engine's KV cache, and the limits that follow from it.</summary>
/// <param name="Blocks">Blocks of the pool.</param>
/// <param name="ContextLength">Maximum positions of a sequence.</param>
/// <param name="WeightBytes">Bytes of the packed weights.</param>
internal readonly record struct KvPlan(NativeDtype Dtype, int Blocks, int ContextLength, RunnerLimits Limits, long WeightBytes)
{
    /// <param name="sharers">Ranks that share the device's memory, if it has none of its own.</param>
    /// <exception cref="InsufficientMemoryException">The weights, or weights and cache, exceed the free memory.</exception>
    public static KvPlan Make(Device device, ITensorSource source, ModelShard shard, EngineOptions options, int sharers = 1)
    {
        NativeDtype dtype = DtypeOf(options.KvDtype);
        int context = ContextOf(source, options);
        long weights = ModelWeights.Measure(source, shard, options.Weights, device);
        long needed = weights + Runner.Measure(device, shard, LimitsOf(options, context));
        DeviceInfo info = device.Query();
        long free = (long)info.FreeMemory / (info.OwnMemory ? 1 : sharers) - needed;
        if (free < 0)
            throw NotEnough("the weights and the work buffers", needed, needed + free);
        long blockBytes = KvCache.Measure(device, shard, dtype, 1);
        long blocks = BlocksThatFit(options, context, free, info.OwnMemory ? 0.9 : 0.5, blockBytes);
        return new KvPlan(dtype, 0, context, default, weights).With((int)blocks, options);
    }

    /// <summary>The same with another number of blocks: ranks have as many as the one with the fewest.</summary>
    public KvPlan With(int blocks, EngineOptions options)
    {
        int context = (int)Math.Min(ContextLength, (long)blocks * KvCache.BlockPositions);
        return this with { Blocks = blocks, ContextLength = context, Limits = LimitsOf(options, context) };
    }

    /// <summary>The model as it is for the contexts that the options allow.</summary>
    public static ModelConfig ConfigOf(ITensorSource source, EngineOptions options) => source.Config.ForContext(ContextOf(source, options));

    public static NativeDtype DtypeOf(KvDtype dtype) => dtype == KvDtype.F32 ? NativeDtype.F32 : NativeDtype.Bf16;

    public static RunnerLimits LimitsOf(EngineOptions options, int context) => new(
        Rows: Math.Max(options.StepTokens, options.MaxSequences),
        Slots: options.MaxSequences,
        Entries: options.MaxTopk,
        BlocksPerSequence: KvCache.BlocksFor(context));

    private static int ContextOf(ITensorSource source, EngineOptions options) => Math.Min(source.Config.MaxPositions, options.ContextLength ?? int.MaxValue);

    /// <param name="share">Fraction of the free memory to use when no size is configured.</param>
    private static long BlocksThatFit(EngineOptions options, int context, long free, double share, long blockBytes)
    {
        if (options.KvCacheBytes is long bytes)
        {
            if (bytes > free)
                throw NotEnough("keys and values", bytes, free);
            if (bytes < blockBytes)
                throw new ArgumentOutOfRangeException(nameof(options), $"{nameof(EngineOptions.KvCacheBytes)} must be at least {blockBytes}, one block of this model, not {bytes}");
            return Math.Min(bytes / blockBytes, int.MaxValue);
        }
        long wanted = (long)options.MaxSequences * KvCache.BlocksFor(context);
        long possible = Math.Min((long)(free * share) / blockBytes, int.MaxValue);
        // A smaller cache is of no practical use.
        long minimum = Math.Min(KvCache.BlocksFor(context), 16);
        return possible < minimum ? throw NotEnough("keys and values", (long)(minimum * blockBytes / share), free) : Math.Min(wanted, possible);
    }

    private static InsufficientMemoryException NotEnough(string what, long bytes, long free)
    {
        return new($"not enough memory: {what} need {Size(bytes)}, {Size(free)} are free, {Size(bytes - free)} are missing");

        static string Size(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:N1} MiB");
    }
}
