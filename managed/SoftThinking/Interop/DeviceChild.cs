using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>A handle that belongs to a device and must be freed before the device closes, in whatever order finalizers run.</summary>
internal abstract class DeviceChild : SafeHandle
{
    private readonly Device _device;

    protected DeviceChild(Device device)
        : base(0, ownsHandle: true)
    {
        bool added = false;
        device.DangerousAddRef(ref added);
        _device = device;
    }

    public override bool IsInvalid => handle == 0;

    public nint Handle => handle;

    protected Device Device => _device;

    protected abstract void Free();

    // Called once, and only for a valid handle; see Adopt.
    protected override bool ReleaseHandle()
    {
        Free();
        _device.DangerousRelease();
        return true;
    }

    /// <summary>Stores the handle that the backend created; if it failed, releases the reference to the device and throws.</summary>
    protected void Adopt(NativeStatus status, nint created)
    {
        if (status != NativeStatus.Ok)
        {
            SetHandleAsInvalid();
            _device.DangerousRelease();
        }
        _device.Backend.Check(status);
        SetHandle(created);
    }
}
