namespace SoftThinking.Interop;

/// <summary>A queue of work on a device, executed in order.</summary>
internal sealed unsafe class DeviceStream : DeviceChild
{
    /// <param name="cudaStream">A caller's CUstream of the device's primary context, to work on; 0 for a stream of its own.</param>
    public DeviceStream(Device device, nint cudaStream = 0)
        : base(device)
    {
        nint stream;
        NativeStatus status = cudaStream == 0
            ? device.Api->StreamCreate(device.Handle, &stream)
            : device.Api->StreamAdopt(device.Handle, cudaStream, &stream);
        Adopt(status, stream);
    }

    /// <summary>The CUstream; 0 on the CPU.</summary>
    public nint CudaStream => Api->StreamNative(handle);

    private NativeApi* Api => Device.Api;

    /// <summary>Records when each operation ends; null unless profiling.</summary>
    public StreamTimes? Times { get; set; }

    public void Synchronize() => Check(Api->StreamSynchronize(handle));

    public void Pack(PackOperation operation) => Run(Api->Pack, &operation);

    public void ConvertToF32(nint destination, nint source, NativeDtype dtype, long count) =>
        Check(Api->ConvertToF32(handle, destination, source, dtype, count));

    /// <summary>Executes a recorded graph.</summary>
    public void Launch(DeviceGraph graph) => Check(Api->GraphLaunch(handle, graph.Handle));

    /// <summary>Marks all work submitted so far.</summary>
    public void Record(DeviceEvent mark) => Check(Api->EventRecord(handle, mark.Handle));

    /// <summary>Makes what is submitted from now on wait for the work that was marked last.</summary>
    public void Wait(DeviceEvent mark) => Check(Api->EventWait(handle, mark.Handle));

    /// <summary>Marks all work submitted so far by a caller's CUevent.</summary>
    public void RecordCudaEvent(nint cudaEvent)
    {
        using DeviceEvent mark = new(Device, cudaEvent);
        Record(mark);
    }

    /// <summary>Makes what is submitted from now on wait for a caller's CUevent.</summary>
    public void WaitForCudaEvent(nint cudaEvent)
    {
        using DeviceEvent mark = new(Device, cudaEvent);
        Wait(mark);
    }

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
        Run(Api->Embed, &operation);
        Times?.Embed(operation);
    }

    public void LoadRows(LoadRowsOperation operation)
    {
        Run(Api->LoadRows, &operation);
        Times?.LoadRows(operation);
    }

    public void RmsNorm(RmsNormOperation operation)
    {
        Run(Api->RmsNorm, &operation);
        Times?.RmsNorm(operation);
    }

    public void Normalize(NormalizeOperation operation)
    {
        Run(Api->Normalize, &operation);
        Times?.Normalize(operation);
    }

    public void Linear(LinearOperation operation)
    {
        Run(Api->Linear, &operation);
        Times?.Linear(operation);
    }

    public void Route(RouteOperation operation)
    {
        Run(Api->Route, &operation);
        Times?.Route(operation);
    }

    public void ExpertLinear(ExpertLinearOperation operation)
    {
        Run(Api->ExpertLinear, &operation);
        Times?.ExpertLinear(operation);
    }

    public void Combine(CombineOperation operation)
    {
        Run(Api->Combine, &operation);
        Times?.Combine(operation);
    }

    public void RopeAngles(RopeAnglesOperation operation)
    {
        Run(Api->RopeAngles, &operation);
        Times?.RopeAngles(operation);
    }

    public void SetBlocks(SetBlocksOperation operation)
    {
        Run(Api->SetBlocks, &operation);
        Times?.SetBlocks(operation);
    }

    public void QkvEpilogue(QkvEpilogueOperation operation)
    {
        Run(Api->QkvEpilogue, &operation);
        Times?.QkvEpilogue(operation);
    }

    public void Attention(AttentionOperation operation)
    {
        Run(Api->Attention, &operation);
        Times?.Attention(operation);
    }

    public void GatherRows(GatherRowsOperation operation)
    {
        Run(Api->GatherRows, &operation);
        Times?.GatherRows(operation);
    }

    public void Penalize(PenalizeOperation operation)
    {
        Run(Api->Penalize, &operation);
        Times?.Penalize(operation);
    }

    public void Sample(SampleOperation operation)
    {
        Run(Api->Sample, &operation);
        Times?.Sample(operation);
    }

    public void Probe(ProbeOperation operation)
    {
        Run(Api->Probe, &operation);
        Times?.Probe(operation);
    }

    public void Score(ScoreOperation operation)
    {
        Run(Api->Score, &operation);
        Times?.Score(operation);
    }

    public void LogProbs(LogProbsOperation operation)
    {
        Run(Api->LogProbs, &operation);
        Times?.LogProbs(operation);
    }

    public void AllGather(DeviceComm comm, AllGatherOperation operation)
    {
        operation.Comm = comm.Handle;
        Run(Api->AllGather, &operation);
        Times?.AllGather(operation, comm.Ranks);
    }

    public void AllSum(DeviceComm comm, AllSumOperation operation)
    {
        operation.Comm = comm.Handle;
        Run(Api->AllSum, &operation);
        Times?.AllSum(operation, comm.Ranks);
    }

    protected override void Free() => Api->StreamDestroy(handle);

    private void Check(NativeStatus status) => Device.Backend.Check(status);

    // Every operation starts with its size.
    private void Run<T>(delegate* unmanaged<nint, T*, NativeStatus> operation, T* arguments) where T : unmanaged
    {
        *(uint*)arguments = (uint)sizeof(T);
        Check(operation(handle, arguments));
    }
}
