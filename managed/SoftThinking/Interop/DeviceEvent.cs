namespace SoftThinking.Interop;

/// <summary>Marks work on a stream, to wait for it.</summary>
internal sealed unsafe class DeviceEvent : DeviceChild
{
    public DeviceEvent(Device device)
        : base(device)
    {
        nint created;
        Adopt(device.Api->EventCreate(device.Handle, &created), created);
    }

    /// <summary>Waits for the work that was marked last; at once when there is none. Its stream must not be disposed.</summary>
    public void Synchronize() => Device.Backend.Check(Device.Api->EventSynchronize(handle));

    /// <summary>Seconds from when the device reached the work that another event marked. Both must have been waited for.</summary>
    public double SecondsSince(DeviceEvent earlier)
    {
        double seconds;
        Device.Backend.Check(Device.Api->EventElapsed(earlier.handle, handle, &seconds));
        return seconds;
    }

    protected override void Free() => Device.Api->EventDestroy(handle);
}
