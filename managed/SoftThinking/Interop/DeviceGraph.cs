namespace SoftThinking.Interop;

/// <summary>Work recorded on a stream, which can be launched repeatedly.</summary>
internal sealed unsafe class DeviceGraph : DeviceChild
{
    private DeviceGraph(Device device, nint graph)
        : base(device) => SetHandle(graph);

    /// <summary>Records what <paramref name="work"/> launches on a stream, without executing it.</summary>
    public static DeviceGraph Record(Device device, DeviceStream stream, Action work)
    {
        nint graph;
        device.Backend.Check(device.Api->GraphBegin(stream.Handle));
        try
        {
            work();
        }
        catch
        {
            if (device.Api->GraphEnd(stream.Handle, &graph) == NativeStatus.Ok)
                device.Api->GraphDestroy(graph);
            throw;
        }
        device.Backend.Check(device.Api->GraphEnd(stream.Handle, &graph));
        return new DeviceGraph(device, graph);
    }

    protected override void Free() => Device.Api->GraphDestroy(handle);
}
