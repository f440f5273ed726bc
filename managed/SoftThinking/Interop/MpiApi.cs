using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>The function table of the library for several processes, in the order of st_mpi_api.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct MpiApi
{
    public const uint AbiVersion = 1;

    public readonly uint Version;
    public readonly uint Size;

    public readonly delegate* unmanaged<byte*> LastError;
    public readonly delegate* unmanaged<NativeStatus> Join;
    public readonly delegate* unmanaged<MpiInfo*, NativeStatus> Query;
    public readonly delegate* unmanaged<void*, ulong, uint, NativeStatus> Broadcast;
    public readonly delegate* unmanaged<void*, void*, ulong, uint, NativeStatus> AllGather;
    public readonly delegate* unmanaged<Transport*> Transport;
    public readonly delegate* unmanaged<int, void> Abort;
    public readonly delegate* unmanaged<uint, NativeStatus> Leave;
}
