using System.Runtime.InteropServices;
using SoftThinking.Interop.Cuda;
using static CudaInterop.CudaDriver;

namespace CudaInterop;

/// <summary>Code that shares a device with an engine: in the same primary context, on a stream of its own, it writes embeddings that the engine
/// reads, and reads logits that the engine writes.</summary>
internal sealed class SharedDevice : IDisposable
{
    private readonly int _device;
    private readonly nint _context, _stream, _rowsWritten, _logitsWritten, _logitsRead;
    private readonly List<nint> _memory = [];
    private readonly List<float[]> _host = []; // what copies in flight use: pinned arrays

    /// <param name="ordinal">Of the device, as in <c>EngineOptions.DeviceOrdinal</c>.</param>
    public SharedDevice(int ordinal)
    {
        Check(cuInit(0));
        Check(cuDeviceGet(out _device, ordinal));
        Check(cuDevicePrimaryCtxRetain(out _context, _device));
        using Scope scope = new(_context);
        Check(cuStreamCreate(out _stream, 1)); // that does not wait for the default stream
        Check(cuEventCreate(out _rowsWritten, 2)); // without times
        Check(cuEventCreate(out _logitsWritten, 2));
        Check(cuEventCreate(out _logitsRead, 2));
    }

    /// <summary>Writes rows on the own stream, and returns at once: the engine's stream will wait for the event.</summary>
    public EmbeddingPart Write(ReadOnlySpan<float> rows, int width)
    {
        using Scope scope = new(_context);
        float[] host = Pinned(rows.Length);
        rows.CopyTo(host);
        Check(cuMemAlloc_v2(out nint memory, rows.Length * sizeof(float)));
        _memory.Add(memory);
        Check(cuMemcpyHtoDAsync_v2(memory, Address(host), rows.Length * sizeof(float), _stream));
        Check(cuEventRecord(_rowsWritten, _stream));
        return new EmbeddingPart(memory, rows.Length / width, width, EmbeddingType.F32) { ReadyEvent = _rowsWritten };
    }

    /// <summary>The hook: copies the first row of each step's logits on the own stream, between the engine's work before and after.</summary>
    public void Read(StepLogits logits)
    {
        using Scope scope = new(_context);
        float[] host = Pinned(logits.Vocabulary);
        logits.RecordEvent(_logitsWritten);
        Check(cuStreamWaitEvent(_stream, _logitsWritten, 0));
        Check(cuMemcpyDtoHAsync_v2(Address(host), logits.DevicePointer, host.Length * sizeof(float), _stream));
        Check(cuEventRecord(_logitsRead, _stream));
        logits.WaitForEvent(_logitsRead);
        Rows.Add(host);
    }

    /// <summary>The rows that were read; complete after <see cref="Wait"/>.</summary>
    public List<float[]> Rows { get; } = [];

    public void Wait() => Check(cuStreamSynchronize(_stream));

    public void Dispose()
    {
        using (Scope scope = new(_context))
        {
            Wait();
            _memory.ForEach(memory => Check(cuMemFree_v2(memory)));
            foreach (nint each in (nint[])[_rowsWritten, _logitsWritten, _logitsRead])
                Check(cuEventDestroy_v2(each));
            Check(cuStreamDestroy_v2(_stream));
        }
        Check(cuDevicePrimaryCtxRelease_v2(_device));
    }

    private float[] Pinned(int length)
    {
        float[] host = GC.AllocateArray<float>(length, pinned: true);
        _host.Add(host);
        return host;
    }

    private static nint Address(float[] pinned) => Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    /// <summary>Makes a context current on this thread.</summary>
    private readonly ref struct Scope
    {
        public Scope(nint context) => Check(cuCtxPushCurrent_v2(context));

        public void Dispose() => Check(cuCtxPopCurrent_v2(out _));
    }
}
