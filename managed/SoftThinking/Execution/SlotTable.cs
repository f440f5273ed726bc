using SoftThinking.Interop;
using SoftThinking.Thinking;

namespace SoftThinking.Execution;

/// <summary>Per-sequence state that the device keeps between engine steps: sampling parameters, the state of thinking, counts of the
/// emitted tokens, and the concept token sampled last. The table of concept tokens holds those of the slots first, then
/// their answers to probes, then those that the host uploads for a step.</summary>
internal sealed class SlotTable : IDisposable
{
    private const int CountInPrompt = 0x40000000; // ST_COUNT_IN_PROMPT

    private readonly DeviceStream _stream;
    private readonly DeviceArena _device;
    private readonly DeviceArena _host;
    private readonly DeviceEvent _countsCopied;
    private readonly SlotStorage[] _storage;
    private readonly int _vocabulary;
    private ArenaArray<SlotSampling> _sampling;
    private ArenaArray<SequenceState> _states;
    private ArenaArray<Penalties> _penalties;
    private ArenaArray<int> _counts;
    private ArenaArray<int> _biasIds;
    private ArenaArray<float> _biasValues;

    public SlotTable(Device device, DeviceStream stream, RunnerLimits limits, int vocabulary)
    {
        (_stream, _vocabulary) = (stream, vocabulary);
        _host = DeviceArena.Allocate(device, arena =>
        {
            _sampling = ArenaArray<SlotSampling>.Place(arena, limits.Slots);
            _states = ArenaArray<SequenceState>.Place(arena, limits.Slots);
            _penalties = ArenaArray<Penalties>.Place(arena, limits.Slots);
            _counts = ArenaArray<int>.Place(arena, vocabulary);
            _biasIds = ArenaArray<int>.Place(arena, (long)limits.Slots * LogitBias.MaxIds);
            _biasValues = ArenaArray<float>.Place(arena, (long)limits.Slots * LogitBias.MaxIds);
        }, host: true);
        _device = DeviceArena.Allocate(device, arena => Device = DeviceSlots.Place(arena, limits, vocabulary));
        _countsCopied = new DeviceEvent(device);
        _storage = [.. Enumerable.Range(0, limits.Slots).Select(_ => new SlotStorage(device, stream))];
    }

    public DeviceSlots Device { get; private set; } = null!;

    /// <summary>Initializes the slot of a new sequence, or changes its sampling parameters for the steps that follow. No step in flight may
    /// use the slot of a new one.</summary>
    public void Apply(in SlotUpdate update)
    {
        int slot = update.Slot;
        SlotSampling sampling = update.Sampling;
        if (update.Start is SlotStart begin)
            _storage[slot].Store(begin.Lists, sampling.Deepconf.Window);
        _storage[slot].Point(ref sampling);
        Set(slot, _sampling, Device.Sampling, sampling);
        if (update.Start is not SlotStart start)
            return;
        Set(slot, _states, Device.States, start.State);
        if (!start.Penalizes)
            return;
        Set(slot, _penalties, Device.Penalties, WithBias(slot, start));
        _countsCopied.Synchronize(); // the host array may still be in use by the previous copy
        Span<int> counts = _counts.Slice(0, _vocabulary);
        counts.Clear();
        foreach (int id in start.Prompt)
            counts[id] = CountInPrompt;
        _stream.Copy<int>(_counts.Pointer, Device.Counts + (nint)slot * _vocabulary * sizeof(int), _vocabulary);
        _stream.Record(_countsCopied);
    }

    private unsafe void Set<T>(int slot, ArenaArray<T> host, nint device, T value) where T : unmanaged
    {
        host[slot] = value;
        nint offset = (nint)slot * sizeof(T);
        _stream.Copy<T>(host.Pointer + offset, device + offset, 1);
    }

    /// <summary>Copies the biases of a slot to the device, and returns the penalties that refer to them.</summary>
    private Penalties WithBias(int slot, in SlotStart start)
    {
        long first = (long)slot * LogitBias.MaxIds;
        nint offset = (nint)first * sizeof(int);
        start.Bias.Ids.CopyTo(_biasIds.Slice(first, start.Bias.Ids.Length));
        start.Bias.Values.CopyTo(_biasValues.Slice(first, start.Bias.Values.Length));
        _stream.Copy<int>(_biasIds.Pointer + offset, Device.BiasIds + offset, start.Bias.Ids.Length);
        _stream.Copy<float>(_biasValues.Pointer + offset, Device.BiasValues + offset, start.Bias.Values.Length);
        return start.Penalties with { BiasIds = Device.BiasIds + offset, BiasValues = Device.BiasValues + offset };
    }

    public void Dispose()
    {
        _countsCopied.Dispose();
        foreach (SlotStorage storage in _storage)
            storage.Dispose();
        _device.Dispose();
        _host.Dispose();
    }
}

/// <summary>The arrays of a <see cref="SlotTable"/> on the device.</summary>
/// <param name="TokenIds">[2 slots + rows, entries]: the last sample of each slot, its last answer to a probe, then the tokens that the host
/// uploads for a step.</param>
/// <param name="TokenWeights">[2 slots + rows, entries]</param>
/// <param name="Counts">[slots, vocabulary]</param>
/// <param name="BiasIds">[slots, <see cref="LogitBias.MaxIds"/>]</param>
/// <param name="BiasValues">[slots, <see cref="LogitBias.MaxIds"/>]</param>
internal sealed record DeviceSlots(
    nint Sampling, nint States, nint Penalties, nint Counts, nint BiasIds, nint BiasValues, nint TokenIds, nint TokenWeights)
{
    public static DeviceSlots Place(DeviceArena arena, RunnerLimits limits, int vocabulary)
    {
        long entries = (2L * limits.Slots + limits.Rows) * limits.Entries;
        return new DeviceSlots(
            Sampling: arena.Reserve<SlotSampling>(limits.Slots),
            States: arena.Reserve<SequenceState>(limits.Slots),
            Penalties: arena.Reserve<Penalties>(limits.Slots),
            Counts: arena.Reserve<int>((long)limits.Slots * vocabulary),
            BiasIds: arena.Reserve<int>((long)limits.Slots * LogitBias.MaxIds),
            BiasValues: arena.Reserve<float>((long)limits.Slots * LogitBias.MaxIds),
            TokenIds: arena.Reserve<int>(entries),
            TokenWeights: arena.Reserve<float>(entries));
    }
}
