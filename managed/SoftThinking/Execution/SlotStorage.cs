using System.Numerics;
using SoftThinking.Interop;
using SoftThinking.Thinking;

namespace SoftThinking.Execution;

/// <summary>Memory of a slot for what its sampling parameters refer to: lists of ids, and the confidences of the last steps. Few requests
/// need any, so it is allocated for the first that does, and grows.</summary>
internal sealed class SlotStorage(Device device, DeviceStream stream) : IDisposable
{
    private const int LeastIds = 1024;

    private DeviceArena? _host;
    private DeviceArena? _device;
    private ArenaArray<int> _ids;
    private nint _deviceIds;
    private long _capacity;

    /// <summary>Stores the lists of a new sequence. No step in flight may use the slot.</summary>
    /// <param name="window">Steps whose confidences are kept.</param>
    public void Store(SlotLists lists, int window)
    {
        int count = lists.Hard.Length + lists.Eat.Length + lists.Deer.Length;
        if (count + window > _capacity)
            Grow(count + window);
        if (count == 0)
            return;
        int[] ids = [.. lists.Hard, .. lists.Eat, .. lists.Deer];
        ids.CopyTo(_ids.Slice(0, count));
        stream.Copy<int>(_ids.Pointer, _deviceIds, count);
    }

    /// <summary>Writes the addresses of what <see cref="Store"/> stored.</summary>
    public void Point(ref SlotSampling sampling)
    {
        sampling.Swireasoning.HardIds = _deviceIds;
        sampling.Eat.TriggerIds = sampling.Swireasoning.HardIds + (nint)sampling.Swireasoning.HardCount * sizeof(int);
        sampling.Deer.TriggerIds = sampling.Eat.TriggerIds + (nint)sampling.Eat.TriggerCount * sizeof(int);
        sampling.Deepconf.Values = sampling.Deer.TriggerIds + (nint)sampling.Deer.TriggerCount * sizeof(int);
    }

    public void Dispose()
    {
        _device?.Dispose();
        _host?.Dispose();
        (_device, _host, _capacity) = (null, null, 0);
    }

    private void Grow(long count)
    {
        Dispose();
        long capacity = Math.Max(LeastIds, (long)BitOperations.RoundUpToPowerOf2((ulong)count));
        _host = DeviceArena.Allocate(device, arena => _ids = ArenaArray<int>.Place(arena, capacity), host: true);
        _device = DeviceArena.Allocate(device, arena => _deviceIds = arena.Reserve<int>(capacity));
        _capacity = capacity;
    }
}
