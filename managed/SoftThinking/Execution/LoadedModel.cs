using Microsoft.Extensions.Logging;
using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>A model on a device with everything that engine steps need. All memory is allocated here; steps allocate none.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly Stack<IDisposable> _parts = [];
    private readonly DeviceStream? _stream;

    /// <param name="cancellation">Ends loading between two slices of a tensor.</param>
    /// <exception cref="InsufficientMemoryException">The weights or the cache do not fit; checked before they are allocated.</exception>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public LoadedModel(ITensorSource source, EngineOptions options, ILogger logger, CancellationToken cancellation = default)
    {
        try
        {
            ModelConfig config = source.Config;
            Device = Track(DeviceChoice.Open(options, logger));
            FastPrefill = options.FastPrefill ? FastPrefillOf(Device.Query(), logger) : null;
            _stream = Track(new DeviceStream(Device)); // before the plan, because a stream allocates device memory
            KvPlan plan = KvPlan.Make(Device, source, options);
            ContextLength = plan.ContextLength;
            Weights = Track(ModelWeights.Load(source, options.Weights, Device, _stream, options.LoadProgress, cancellation));
            Cache = Track(new KvCache(Device, config, plan.Dtype, plan.Blocks));
            Runner = Track(new Runner(Device, _stream, Weights, Cache, plan.Limits, fastPrefill: FastPrefill is (true, _)));
            Steps = [Track(new Step(Device, plan.Limits, options.Profile)), Track(new Step(Device, plan.Limits, options.Profile))];
            Limits = plan.Limits;
            WeightBytes = plan.WeightBytes;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Device Device { get; }

    public ModelWeights Weights { get; }

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

    /// <summary>Waits for the work in flight, then frees in reverse order of allocation.</summary>
    public void Dispose()
    {
        try
        {
            if (_parts.Count > 0)
                _stream?.Synchronize();
        }
        catch (BackendException)
        {
            // The engine loop has reported it; here only the end of the work matters.
        }
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
