using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Cache;

/// <summary>Keys and values of every layer, of a shard's heads, in blocks of 16 positions.</summary>
internal sealed class KvCache : IDisposable
{
    /// <summary>Positions per block.</summary>
    public const int BlockPositions = 16;

    private readonly DeviceArena _arena;

    public KvCache(Device device, ModelShard shard, NativeDtype dtype, int blocks)
    {
        Blocks = blocks;
        Layers = new LayerCache[shard.Whole.Layers];
        _arena = DeviceArena.Allocate(device, arena => LayOut(arena, device, shard, dtype));
    }

    public int Blocks { get; }

    public LayerCache[] Layers { get; }

    /// <summary>Number of blocks that hold <paramref name="positions"/> positions.</summary>
    public static int BlocksFor(int positions) => (positions + BlockPositions - 1) / BlockPositions;

    /// <summary>Bytes of all layers' keys and values in <paramref name="blocks"/> blocks.</summary>
    public static unsafe long Measure(Device device, ModelShard shard, NativeDtype dtype, int blocks) =>
        2L * shard.Whole.Layers * (long)device.Api->KvBytes(blocks, shard.KvHeads.Count, shard.Whole.HeadDim, dtype);

    public void Dispose() => _arena.Dispose();

    private unsafe void LayOut(DeviceArena arena, Device device, ModelShard shard, NativeDtype dtype)
    {
        long bytes = (long)device.Api->KvBytes(Blocks, shard.KvHeads.Count, shard.Whole.HeadDim, dtype);
        for (int i = 0; i < Layers.Length; i++)
            Layers[i] = new LayerCache { Keys = arena.Reserve(bytes), Values = arena.Reserve(bytes), Blocks = Blocks, Dtype = dtype };
    }
}
