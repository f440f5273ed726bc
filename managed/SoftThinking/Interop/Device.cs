using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>An open device of a backend. Its memory and streams keep it alive until they are freed.</summary>
internal sealed unsafe class Device : SafeHandle
{
    private Device(Backend backend)
        : base(0, ownsHandle: true) => Backend = backend;

    public Backend Backend { get; }

    public NativeApi* Api => Backend.Api;

    public override bool IsInvalid => handle == 0;

    public nint Handle => handle;

    /// <summary>Opens a device with the given number of threads (0: one per available core).</summary>
    /// <param name="activations">Number format of the activations; null for the backend's default.</param>
    /// <param name="fastProducts">Whether to look for the vendor's matmul library, for <see cref="LinearOperation.Fast"/>.</param>
    /// <param name="ordinal">Index of the device among those of the backend.</param>
    /// <param name="blockingWaits">Whether threads that wait for the device sleep.</param>
    public static Device Open(
        Backend backend, int threads, NativeDtype? activations = null, bool fastProducts = false, int ordinal = 0,
        bool blockingWaits = false)
    {
        Device device = new(backend);
        DeviceOptions options = new()
        {
            Size = (uint)sizeof(DeviceOptions),
            Ordinal = ordinal,
            Threads = threads,
            Activations = activations is NativeDtype dtype ? 1 + (int)dtype : 0,
            FastProducts = fastProducts ? 1 : 0,
            BlockingWaits = blockingWaits ? 1 : 0,
        };
        nint opened;
        backend.Check(backend.Api->DeviceOpen(&options, &opened));
        device.SetHandle(opened);
        return device;
    }

    public DeviceInfo Query()
    {
        DeviceInfo info = new() { Size = (uint)sizeof(DeviceInfo) };
        Backend.Check(Api->DeviceQuery(handle, &info));
        return info;
    }

    /// <summary>Checks, as far as the backend knows, that operations can read a caller's memory.</summary>
    /// <exception cref="BackendException">They cannot.</exception>
    public void CheckMemory(nint memory, long bytes) => Backend.Check(Api->MemoryCheck(handle, (void*)memory, (ulong)bytes));

    /// <summary>Measures the peak rates of the device, for benchmarks. Needs up to a second, and half a gigabyte of memory.</summary>
    /// <param name="bandwidthNow">Whether to measure only the read bandwidth, of the median pass instead of the best.</param>
    public DeviceRates Measure(bool bandwidthNow)
    {
        DeviceRates rates = new() { Size = (uint)sizeof(DeviceRates), BandwidthNow = bandwidthNow ? 1 : 0 };
        Backend.Check(Api->Measure(handle, &rates));
        return rates;
    }

    protected override bool ReleaseHandle()
    {
        Api->DeviceClose(handle);
        return true;
    }
}
