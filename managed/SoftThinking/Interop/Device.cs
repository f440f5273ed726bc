using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>An open device of a backend. Memory and streams made from it keep it alive until they are freed.</summary>
internal sealed unsafe class Device : SafeHandle
{
    private Device(Backend backend)
        : base(0, ownsHandle: true) => Backend = backend;

    public Backend Backend { get; }

    public NativeApi* Api => Backend.Api;

    public override bool IsInvalid => handle == 0;

    public nint Handle => handle;

    /// <summary>Opens a device with the given number of threads (0: as many as may run).</summary>
    /// <param name="activations">Number format between the operations; null for the backend's own.</param>
    /// <param name="fastProducts">Whether to look for the vendor's matmul library, for <see cref="LinearOperation.Fast"/>.</param>
    /// <param name="ordinal">Which device of the backend.</param>
    public static Device Open(
        Backend backend, int threads, NativeDtype? activations = null, bool fastProducts = false, int ordinal = 0)
    {
        Device device = new(backend);
        DeviceOptions options = new()
        {
            Size = (uint)sizeof(DeviceOptions),
            Ordinal = ordinal,
            Threads = threads,
            Activations = activations is NativeDtype dtype ? 1 + (int)dtype : 0,
            FastProducts = fastProducts ? 1 : 0,
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

    /// <summary>The ceilings of the device, for benchmarks: takes up to a second, and half a gigabyte of memory.</summary>
    /// <param name="bandwidthNow">Only the read bandwidth, and that of the median pass instead of the best.</param>
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
