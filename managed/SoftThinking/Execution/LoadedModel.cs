using Microsoft.Extensions.Logging;
using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>A model, or a rank's shard of one, on a device with everything that engine steps need. All memory is allocated here; steps
/// allocate none.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly Stack<IDisposable> _parts = [];
    private readonly DeviceStream _stream;

    /// <param name="rank">The rank's device; owned from here on.</param>
    /// <param name="plan">The plan that all ranks agreed on.</param>
    /// <param name="comm">The rank's place among the others, owned from here on; null for one device.</param>
    /// <param name="cancellation">Ends loading between two slices of a tensor.</param>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public LoadedModel(
        OpenedRank rank, KvPlan plan, DeviceComm? comm, ITensorSource source, EngineOptions options, ILogger logger,
        Action<double>? progress, CancellationToken cancellation)
    {
        (Device, _stream, Comm) = (Track(rank).Device, rank.Stream, comm);
        try
        {
            if (comm != null)
                Track(comm);
            FastPrefill = options.FastPrefill ? FastPrefillOf(Device.Query(), logger) : null;
            ContextLength = plan.ContextLength;
            CudaStream = _stream.CudaStream;
            Weights = Track(ModelWeights.Load(source, rank.Shard, options.Weights, Device, _stream, progress, cancellation));
            Cache = Track(new KvCache(Device, rank.Shard, plan.Dtype, plan.Blocks));
            Runner = Track(new Runner(Device, _stream, Weights, Cache, plan.Limits, comm, fastPrefill: FastPrefill is (true, _)));
            bool times = options.Profile && rank.Shard.Rank == 0;
            Steps = [Track(new Step(Device, plan.Limits, times)), Track(new Step(Device, plan.Limits, times))];
            Limits = plan.Limits;
            WeightBytes = plan.WeightBytes;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Loads a model onto the devices that the options ask for, and returns the first rank's part of it, which drives the others.</summary>
    /// <param name="cancellation">Ends loading between two slices of a tensor.</param>
    /// <exception cref="ArgumentException">The model cannot be divided among so many ranks.</exception>
    /// <exception cref="InsufficientMemoryException">The weights or the cache do not fit; checked before they are allocated.</exception>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public static LoadedModel Load(ITensorSource source, EngineOptions options, ILogger logger, CancellationToken cancellation = default)
    {
        if (MpiWorld.Joined is MpiWorld world)
            return ProcessRanks.Load(world, source, options, logger, cancellation);
        if (options.TensorParallel > 1)
            return ThreadRanks.Load(source, options, logger, cancellation);
        OpenedRank rank = new(DeviceChoice.Open(options, logger, ModelWeights.FormatOf(source, options.Weights).Dtype), source, options, rank: 0, ranks: 1, sharers: 1);
        return new LoadedModel(rank, rank.Plan, null, source, options, logger, options.LoadProgress, cancellation);
    }

    /// <summary>The other ranks; null for one device.</summary>
    public IFollowers? Followers
    {
        get => Runner.Followers;
        set => Runner.Followers = value;
    }

    /// <summary>The place among the ranks; null for one device.</summary>
    public DeviceComm? Comm { get; }

    public Device Device { get; }

    public ModelWeights Weights { get; }

    /// <summary>The CUstream that steps are launched on; 0 on the CPU.</summary>
    public nint CudaStream { get; }

    /// <summary>Bytes of the packed weights.</summary>
    public long WeightBytes { get; }

    public KvCache Cache { get; }

    public Runner Runner { get; }

    public RunnerLimits Limits { get; }

    /// <summary>Two engine steps, used alternately.</summary>
    public Step[] Steps { get; }

    /// <summary>Sums of the operations' times, if profiling is on.</summary>
    public Profiler Profiler { get; } = new();

    /// <summary>Maximum positions of a sequence.</summary>
    public int ContextLength { get; }

    /// <summary>Whether the vendor's matmul library is in use, and its name or why it is not; null if it was not requested.</summary>
    public (bool InEffect, string Note)? FastPrefill { get; }

    /// <summary>Waits for the work in flight.</summary>
    public void Finish()
    {
        try
        {
            _stream.Synchronize();
        }
        catch (BackendException)
        {
            // The engine loop has reported it; here only the end of the work matters.
        }
    }

    /// <summary>Waits for the work in flight, then frees in reverse order of allocation, the other ranks first.</summary>
    public void Dispose()
    {
        Finish();
        Runner?.Followers?.Dispose();
        while (_parts.TryPop(out IDisposable? part))
            part.Dispose();
    }

    private static unsafe (bool InEffect, string Note) FastPrefillOf(DeviceInfo info, ILogger logger)
    {
        string note = NativeText.Read(info.Products, DeviceInfo.ProductsBytes);
        if (info.FastProducts)
            EngineLog.FastPrefill(logger, note);
        else
            EngineLog.NoFastPrefill(logger, note);
        return (info.FastProducts, note);
    }

    private T Track<T>(T part) where T : IDisposable
    {
        _parts.Push(part);
        return part;
    }
}
