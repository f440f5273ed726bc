namespace SoftThinking.Interop;

/// <summary>One allocation that is divided into parts. The caller runs the same layout code twice: first with
/// <see cref="Measure"/>, which returns offsets from 0, then with the arena itself. The total is thus known, and can be
/// refused, before anything is allocated.</summary>
internal sealed class DeviceArena : IDisposable
{
    private const int Alignment = 64;
    private readonly DeviceMemory? _memory;
    private long _used;

    private DeviceArena(DeviceMemory? memory) => _memory = memory;

    /// <summary>True while sizes are counted: what <see cref="Reserve"/> returns must then not be accessed.</summary>
    public bool Measuring => _memory is null;

    public static long Measure(Action<DeviceArena> layOut)
    {
        DeviceArena counter = new(null);
        layOut(counter);
        return counter._used;
    }

    /// <param name="host">Whether to allocate page-locked host memory instead of device memory.</param>
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
    public nint Reserve(long bytes)
    {
        nint part = (_memory?.Handle ?? 0) + (nint)_used;
        _used += (bytes + Alignment - 1) / Alignment * Alignment;
        return part;
    }

    public unsafe nint Reserve<T>(long count) where T : unmanaged => Reserve(count * sizeof(T));

    public void Dispose() => _memory?.Dispose();
}
