using System.Runtime.InteropServices;
using CudaInterop;
using SoftThinking.Interop.Cuda;

namespace SoftThinking.Tests;

/// <summary>A kernel of other code, on a stream of its own: it finds the likeliest id of each step's first row of logits. The emulated device runs
/// it as a function in the order of the stream.</summary>
internal sealed unsafe partial class ForeignKernel : IDisposable
{
    private readonly nint _stream, _logitsWritten, _logitsRead;
    private readonly List<long[]> _launches = []; // arguments, in pinned arrays: logits, vocabulary, result

    public ForeignKernel()
    {
        CudaDriver.Check(CudaDriver.cuDevicePrimaryCtxRetain(out nint context, 0));
        CudaDriver.Check(CudaDriver.cuCtxPushCurrent_v2(context));
        CudaDriver.Check(CudaDriver.cuStreamCreate(out _stream, 1));
        CudaDriver.Check(CudaDriver.cuEventCreate(out _logitsWritten, 2));
        CudaDriver.Check(CudaDriver.cuEventCreate(out _logitsRead, 2));
        CudaDriver.Check(CudaDriver.cuCtxPopCurrent_v2(out _));
    }

    /// <summary>The hook: launches the kernel between the engine's work before and after.</summary>
    public void Launch(StepLogits logits)
    {
        long[] arguments = GC.AllocateArray<long>(3, pinned: true);
        (arguments[0], arguments[1]) = (logits.DevicePointer, logits.Vocabulary);
        logits.RecordEvent(_logitsWritten);
        CudaDriver.Check(CudaDriver.cuStreamWaitEvent(_stream, _logitsWritten, 0));
        CudaDriver.Check(cuLaunchHostFunc(_stream, &FindLikeliest, (long*)Marshal.UnsafeAddrOfPinnedArrayElement(arguments, 0)));
        CudaDriver.Check(CudaDriver.cuEventRecord(_logitsRead, _stream));
        logits.WaitForEvent(_logitsRead);
        _launches.Add(arguments);
    }

    /// <summary>The id of each step, once all kernels have run.</summary>
    public int[] Results()
    {
        CudaDriver.Check(CudaDriver.cuStreamSynchronize(_stream));
        return [.. _launches.Select(arguments => (int)arguments[2])];
    }

    public void Dispose()
    {
        CudaDriver.Check(CudaDriver.cuEventDestroy_v2(_logitsWritten));
        CudaDriver.Check(CudaDriver.cuEventDestroy_v2(_logitsRead));
        CudaDriver.Check(CudaDriver.cuStreamDestroy_v2(_stream));
        CudaDriver.Check(CudaDriver.cuDevicePrimaryCtxRelease_v2(0));
    }

    [UnmanagedCallersOnly]
    private static void FindLikeliest(long* arguments)
    {
        float* logits = (float*)arguments[0];
        for (int id = 1; id < arguments[1]; id++)
        {
            if (logits[id] > logits[arguments[2]])
                arguments[2] = id;
        }
    }

    [LibraryImport(CudaDriver.Library)]
    private static partial int cuLaunchHostFunc(nint stream, delegate* unmanaged<long*, void> function, long* argument);
}
