namespace SoftThinking.Interop;

/// <summary>Marks a point in the work of a stream, to wait for it.</summary>
internal sealed unsafe class DeviceEvent : DeviceChild
{
    /// <param name="timed">Whether <see cref="SecondsSince"/> accepts it.</param>
    public DeviceEvent(Device device, bool timed = false)
        : base(device)
    {
        nint created;
        Adopt(device.Api->EventCreate(device.Handle, timed ? 1 : 0, &created), created);
    }

    /// <param name="cudaEvent">A caller's CUevent of the device's primary context, which outlives this and is left alone.</param>
    public DeviceEvent(Device device, nint cudaEvent)
        : base(device)
    {
        nint adopted;
        Adopt(device.Api->EventAdopt(device.Handle, cudaEvent, &adopted), adopted);
    }

    /// <summary>Waits for the work that was marked last; returns immediately if there is none. Its stream must not be disposed.</summary>
    public void Synchronize() => Device.Backend.Check(Device.Api->EventSynchronize(handle));

    /// <summary>Seconds between the points that an earlier event and this one mark. Both must be timed, and have completed.</summary>
    public double SecondsSince(DeviceEvent earlier)
    {
        double seconds;
        Device.Backend.Check(Device.Api->EventElapsed(earlier.handle, handle, &seconds));
        return seconds;
    }

    protected override void Free() => Device.Api->EventDestroy(handle);
}
