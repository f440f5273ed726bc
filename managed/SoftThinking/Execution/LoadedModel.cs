using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>A model on a device with everything that it takes to run steps. All memory is taken here; running takes none.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly Stack<IDisposable> _owned = [];
    private readonly DeviceStream? _stream;

    /// <exception cref="InsufficientMemoryException">Weights or cache do not fit; what does not fit was not allocated.</exception>
    public LoadedModel(Checkpoint checkpoint, EngineOptions options)
    {
        try
        {
            ModelConfig config = checkpoint.Config;
            Device = Own(Device.Open(Backend.Cpu, options.Threads));
            KvPlan plan = KvPlan.Make(Device, checkpoint, options);
            (ContextLength, WeightBytes) = (plan.ContextLength, plan.WeightBytes);
            _stream = Own(new DeviceStream(Device));
            ModelWeights weights = Own(ModelWeights.Load(checkpoint, Device, _stream, options.LoadProgress));
            Cache = Own(new KvCache(Device, config, plan.Dtype, plan.Blocks));
            Runner = Own(new Runner(Device, _stream, weights, Cache, plan.Limits));
            Steps = [Own(new Step(Device, plan.Limits)), Own(new Step(Device, plan.Limits))];
            Limits = plan.Limits;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Device Device { get; }

    public KvCache Cache { get; }

    public Runner Runner { get; }

    public RunnerLimits Limits { get; }

    /// <summary>The two that take turns.</summary>
    public Step[] Steps { get; }

    /// <summary>Most positions of a sequence.</summary>
    public int ContextLength { get; }

    public long WeightBytes { get; }

    /// <summary>Waits for what is under way, and frees in the reverse order of making.</summary>
    public void Dispose()
    {
        try
        {
            if (_owned.Count > 0)
                _stream?.Synchronize();
        }
        catch (BackendException)
        {
            // Who ran into it was told; here only the end of the work counts.
        }
        while (_owned.TryPop(out IDisposable? part))
            part.Dispose();
    }

    private T Own<T>(T part) where T : IDisposable
    {
        _owned.Push(part);
        return part;
    }
}
