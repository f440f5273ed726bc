using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>A rank's open device, and what it has memory for.</summary>
internal sealed class OpenedRank : IDisposable
{
    /// <param name="sharers">Ranks that share the device's memory, if it has none of its own.</param>
    /// <exception cref="ArgumentException">The model cannot be divided among the shard's ranks.</exception>
    /// <exception cref="BackendException">The caller's stream cannot be used.</exception>
    /// <exception cref="InsufficientMemoryException">The weights or the cache do not fit.</exception>
    public OpenedRank(Device device, ITensorSource source, EngineOptions options, int rank, int ranks, int sharers)
    {
        Device = device;
        try
        {
            Shard = ModelShard.Make(KvPlan.ConfigOf(source, options), rank, ranks, ModelWeights.FormatOf(source, options.Weights));
            if (options.CudaStream != 0 && ranks > 1)
                throw new BackendException($"{nameof(EngineOptions.CudaStream)} is a stream of one device; the model is on {ranks}");
            Stream = new DeviceStream(device, options.CudaStream); // before the plan, because a stream allocates device memory
            Plan = KvPlan.Make(device, source, Shard, options, sharers);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Device Device { get; }

    public DeviceStream Stream { get; } = null!;

    public ModelShard Shard { get; }

    public KvPlan Plan { get; }

    public void Dispose()
    {
        Stream?.Dispose();
        Device.Dispose();
    }
}
