using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Cache;

/// <summary>Keys and values of every layer, of a shard's heads, in blocks of 16 positions. Layers at the same place of their groups share
/// memory: each group has blocks of its own.</summary>
internal sealed class KvCache : IDisposable
{
    /// <summary>Positions per block.</summary>
    public const int BlockPositions = 16;

    private readonly DeviceArena _arena;

    public KvCache(Device device, ModelShard shard, NativeDtype dtype, int blocks)
    {
        Blocks = blocks;
        Layout = KvLayout.Of(shard.Whole);
        Layers = new LayerCache[shard.Whole.Layers];
        _arena = DeviceArena.Allocate(device, arena => LayOut(arena, device, shard, dtype));
    }

    public int Blocks { get; }

    public KvLayout Layout { get; }

    public LayerCache[] Layers { get; }

    /// <summary>Number of blocks that hold <paramref name="positions"/> positions.</summary>
    public static int BlocksFor(int positions) => (positions + BlockPositions - 1) / BlockPositions;

    /// <summary>Bytes of a cache of <paramref name="blocks"/> blocks.</summary>
    public static long Measure(Device device, ModelShard shard, NativeDtype dtype, long blocks) =>
        KvLayout.Of(shard.Whole).LayersPerBlock * blocks * BytesPerLayer(device, shard, dtype);

    /// <summary>Bytes of all layers' keys and values of a position.</summary>
    public static long BytesPerPosition(Device device, ModelShard shard, NativeDtype dtype) =>
        shard.Whole.Layers * BytesPerLayer(device, shard, dtype) / BlockPositions;

    public void Dispose() => _arena.Dispose();

    private unsafe void LayOut(DeviceArena arena, Device device, ModelShard shard, NativeDtype dtype)
    {
        long bytes = (long)device.Api->KvBytes(Blocks, shard.KvHeads.Count, shard.Whole.HeadDim, dtype);
        LayerCache[] places = [.. Enumerable.Range(0, Layout.LayersPerBlock).Select(_ => new LayerCache
        {
            Keys = arena.Reserve(bytes),
            Values = arena.Reserve(bytes),
            Blocks = Blocks,
            Dtype = dtype,
        })];
        for (int i = 0; i < Layers.Length; i++)
            Layers[i] = places[Layout.Layers[i].Place];
    }

    // Of the keys and values of a layer in a block.
    private static unsafe long BytesPerLayer(Device device, ModelShard shard, NativeDtype dtype) =>
        2 * (long)device.Api->KvBytes(1, shard.KvHeads.Count, shard.Whole.HeadDim, dtype);
}
