namespace SoftThinking.Interop;

/// <summary>One allocation that is handed out in parts. Whoever lays out an arena runs the same code twice: first with
/// <see cref="Measure"/>, which hands out offsets from 0, then with the arena itself; so the sum is known, and can be
/// refused, before anything is allocated.</summary>
internal sealed class DeviceArena : IDisposable
{
    private const int Alignment = 64;
    private readonly DeviceMemory? _memory;
    private long _used;

    private DeviceArena(DeviceMemory? memory) => _memory = memory;

    /// <summary>True while sizes are counted: what <see cref="Take"/> gives must not be written to.</summary>
    public bool Measuring => _memory is null;

    public static long Measure(Action<DeviceArena> layOut)
    {
        DeviceArena counter = new(null);
        layOut(counter);
        return counter._used;
    }

    /// <param name="host">Whether to take host memory that copies reach without a detour, not device memory.</param>
    public static DeviceArena Allocate(Device device, Action<DeviceArena> layOut, bool host = false)
    {
        DeviceArena arena = new(new DeviceMemory(device, Math.Max(Measure(layOut), Alignment), host));
        try
        {
            layOut(arena);
        }
        catch
        {
            arena.Dispose();
            throw;
        }
        return arena;
    }

    /// <summary>The next <paramref name="bytes"/> bytes, aligned to 64.</summary>
    public nint Take(long bytes)
    {
        nint part = (_memory?.Handle ?? 0) + (nint)_used;
        _used += (bytes + Alignment - 1) / Alignment * Alignment;
        return part;
    }

    public unsafe nint Take<T>(long count) where T : unmanaged => Take(count * sizeof(T));

    public void Dispose() => _memory?.Dispose();
}
