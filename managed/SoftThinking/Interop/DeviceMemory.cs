namespace SoftThinking.Interop;

/// <summary>A block of device memory, or of page-locked host memory; zeroed when allocated.</summary>
internal sealed unsafe class DeviceMemory : DeviceChild
{
    private readonly bool _host;

    public DeviceMemory(Device device, long bytes, bool host)
        : base(device)
    {
        _host = host;
        nint pointer;
        NativeStatus status = host
            ? device.Api->HostAlloc(device.Handle, (ulong)bytes, &pointer)
            : device.Api->MemoryAlloc(device.Handle, (ulong)bytes, &pointer);
        Adopt(status, pointer);
    }

    protected override void Free()
    {
        if (_host)
            Device.Api->HostFree(Device.Handle, handle);
        else
            Device.Api->MemoryFree(Device.Handle, handle);
    }
}
