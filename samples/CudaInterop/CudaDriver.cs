using System.Runtime.InteropServices;

namespace CudaInterop;

/// <summary>What this program needs of CUDA's driver: plain handles, as any wrapper has them.</summary>
internal static partial class CudaDriver
{
    /// <summary>The driver's library; a resolver maps it to the file of the operating system.</summary>
    public const string Library = "cuda";

    [LibraryImport(Library)] public static partial int cuInit(uint flags);
    [LibraryImport(Library)] public static partial int cuDeviceGet(out int device, int ordinal);
    [LibraryImport(Library)] public static partial int cuDevicePrimaryCtxRetain(out nint context, int device);
    [LibraryImport(Library)] public static partial int cuDevicePrimaryCtxRelease_v2(int device);
    [LibraryImport(Library)] public static partial int cuCtxPushCurrent_v2(nint context);
    [LibraryImport(Library)] public static partial int cuCtxPopCurrent_v2(out nint context);
    [LibraryImport(Library)] public static partial int cuMemAlloc_v2(out nint memory, nint bytes);
    [LibraryImport(Library)] public static partial int cuMemFree_v2(nint memory);
    [LibraryImport(Library)] public static partial int cuMemcpyHtoDAsync_v2(nint memory, nint host, nint bytes, nint stream);
    [LibraryImport(Library)] public static partial int cuMemcpyDtoHAsync_v2(nint host, nint memory, nint bytes, nint stream);
    [LibraryImport(Library)] public static partial int cuStreamCreate(out nint stream, uint flags);
    [LibraryImport(Library)] public static partial int cuStreamDestroy_v2(nint stream);
    [LibraryImport(Library)] public static partial int cuStreamSynchronize(nint stream);
    [LibraryImport(Library)] public static partial int cuStreamWaitEvent(nint stream, nint cudaEvent, uint flags);
    [LibraryImport(Library)] public static partial int cuEventCreate(out nint cudaEvent, uint flags);
    [LibraryImport(Library)] public static partial int cuEventRecord(nint cudaEvent, nint stream);
    [LibraryImport(Library)] public static partial int cuEventDestroy_v2(nint cudaEvent);

    /// <summary>Throws what the driver did not do.</summary>
    public static void Check(int result)
    {
        if (result != 0)
            throw new InvalidOperationException($"CUDA's driver returned the error {result}");
    }
}
