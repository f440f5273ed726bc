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
    /// <param name="fastProducts">Whether to look for another library of products, for <see cref="LinearOperation.Fast"/>.</param>
    public static Device Open(Backend backend, int threads, NativeDtype? activations = null, bool fastProducts = false)
    {
        Device device = new(backend);
        DeviceOptions options = new()
        {
            Size = (uint)sizeof(DeviceOptions),
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

/// <summary>What belongs to a device and must be freed before it closes, in whatever order finalizers run.</summary>
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

    // Called once, and only for a handle that became valid; see Adopt.
    protected override bool ReleaseHandle()
    {
        Free();
        _device.DangerousRelease();
        return true;
    }

    /// <summary>Takes what the backend made; where it made nothing, gives back the reference to the device and throws.</summary>
    protected void Adopt(NativeStatus status, nint made)
    {
        if (status != NativeStatus.Ok)
        {
            SetHandleAsInvalid();
            _device.DangerousRelease();
        }
        _device.Backend.Check(status);
        SetHandle(made);
    }
}

/// <summary>A block of device memory, or of host memory that copies reach without a detour; zeroed when made.</summary>
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

/// <summary>Work that was recorded on a stream, to be done again and again.</summary>
internal sealed unsafe class DeviceGraph : DeviceChild
{
    private DeviceGraph(Device device, nint graph)
        : base(device) => SetHandle(graph);

    /// <summary>Records what <paramref name="work"/> gives to a stream, without doing it.</summary>
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

/// <summary>Work on a device, done in the order it was given.</summary>
internal sealed unsafe class DeviceStream : DeviceChild
{
    public DeviceStream(Device device)
        : base(device)
    {
        nint stream;
        Adopt(device.Api->StreamCreate(device.Handle, &stream), stream);
    }

    private NativeApi* Api => Device.Api;

    /// <summary>Where to note when each operation ends; null, usually, for nowhere.</summary>
    public StreamTimes? Times { get; set; }

    public void Synchronize() => Check(Api->StreamSynchronize(handle));

    public void Pack(in Matrix w, int firstRow, int rowStep, int count, nint source, NativeDtype dtype)
    {
        fixed (Matrix* matrix = &w)
            Check(Api->Pack(handle, matrix, firstRow, rowStep, count, source, dtype));
    }

    public void ConvertToF32(nint destination, nint source, NativeDtype dtype, long count) =>
        Check(Api->ConvertToF32(handle, destination, source, dtype, count));

    /// <summary>Does what was recorded.</summary>
    public void Launch(DeviceGraph graph) => Check(Api->GraphLaunch(handle, graph.Handle));

    /// <summary>Marks all work given so far.</summary>
    public void Record(DeviceEvent mark) => Check(Api->EventRecord(handle, mark.Handle));

    /// <summary>Copies elements between device memory and native host memory, or within the device.</summary>
    public void Copy<T>(nint source, nint destination, long count) where T : unmanaged
    {
        if (count == 0)
            return;
        Check(Api->Copy(handle, (void*)destination, (void*)source, (ulong)count * (ulong)sizeof(T)));
        Times?.Copy(count * sizeof(T));
    }

    /// <summary>Copies to the device, and waits for it.</summary>
    public void Upload<T>(ReadOnlySpan<T> source, nint destination) where T : unmanaged
    {
        fixed (T* pointer = source)
        {
            Copy<T>((nint)pointer, destination, source.Length);
            Synchronize();
        }
    }

    /// <summary>Copies from the device, and waits for it.</summary>
    public void Download<T>(nint source, Span<T> destination) where T : unmanaged
    {
        fixed (T* pointer = destination)
        {
            Copy<T>(source, (nint)pointer, destination.Length);
            Synchronize();
        }
    }

    public void Embed(EmbedOperation operation)
    {
        operation.Size = (uint)sizeof(EmbedOperation);
        Check(Api->Embed(handle, &operation));
        Times?.Embed(operation);
    }

    public void RmsNorm(RmsNormOperation operation)
    {
        operation.Size = (uint)sizeof(RmsNormOperation);
        Check(Api->RmsNorm(handle, &operation));
        Times?.RmsNorm(operation);
    }

    public void Linear(LinearOperation operation)
    {
        operation.Size = (uint)sizeof(LinearOperation);
        Check(Api->Linear(handle, &operation));
        Times?.Linear(operation);
    }

    public void RopeAngles(RopeAnglesOperation operation)
    {
        operation.Size = (uint)sizeof(RopeAnglesOperation);
        Check(Api->RopeAngles(handle, &operation));
        Times?.RopeAngles(operation);
    }

    public void QkvEpilogue(QkvEpilogueOperation operation)
    {
        operation.Size = (uint)sizeof(QkvEpilogueOperation);
        Check(Api->QkvEpilogue(handle, &operation));
        Times?.QkvEpilogue(operation);
    }

    public void Attention(AttentionOperation operation)
    {
        operation.Size = (uint)sizeof(AttentionOperation);
        Check(Api->Attention(handle, &operation));
        Times?.Attention(operation);
    }

    public void GatherRows(GatherRowsOperation operation)
    {
        operation.Size = (uint)sizeof(GatherRowsOperation);
        Check(Api->GatherRows(handle, &operation));
        Times?.GatherRows(operation);
    }

    public void Penalize(PenalizeOperation operation)
    {
        operation.Size = (uint)sizeof(PenalizeOperation);
        Check(Api->Penalize(handle, &operation));
        Times?.Penalize(operation);
    }

    public void Sample(SampleOperation operation)
    {
        operation.Size = (uint)sizeof(SampleOperation);
        Check(Api->Sample(handle, &operation));
        Times?.Sample(operation);
    }

    public void LogProbs(LogProbsOperation operation)
    {
        operation.Size = (uint)sizeof(LogProbsOperation);
        Check(Api->LogProbs(handle, &operation));
        Times?.LogProbs(operation);
    }

    protected override void Free() => Api->StreamDestroy(handle);

    private void Check(NativeStatus status) => Device.Backend.Check(status);
}
