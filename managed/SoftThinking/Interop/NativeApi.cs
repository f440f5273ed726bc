using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>The function table that a backend exports, in the order of st_api.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct NativeApi
{
    public const uint AbiVersion = 10;

    public readonly uint Version;
    public readonly uint Size;
    public readonly byte* Backend;

    public readonly delegate* unmanaged<byte*> LastError;
    public readonly delegate* unmanaged<DeviceOptions*, nint*, NativeStatus> DeviceOpen;
    public readonly delegate* unmanaged<nint, void> DeviceClose;
    public readonly delegate* unmanaged<nint, DeviceInfo*, NativeStatus> DeviceQuery;
    public readonly delegate* unmanaged<nint, ulong, nint*, NativeStatus> MemoryAlloc;
    public readonly delegate* unmanaged<nint, nint, void> MemoryFree;
    public readonly delegate* unmanaged<nint, void*, ulong, NativeStatus> MemoryCheck;
    public readonly delegate* unmanaged<nint, ulong, nint*, NativeStatus> HostAlloc;
    public readonly delegate* unmanaged<nint, nint, void> HostFree;
    public readonly delegate* unmanaged<nint, nint*, NativeStatus> StreamCreate;
    public readonly delegate* unmanaged<nint, nint, nint*, NativeStatus> StreamAdopt;
    public readonly delegate* unmanaged<nint, nint> StreamNative;
    public readonly delegate* unmanaged<nint, void> StreamDestroy;
    public readonly delegate* unmanaged<nint, NativeStatus> StreamSynchronize;
    public readonly delegate* unmanaged<nint, int, nint*, NativeStatus> EventCreate;
    public readonly delegate* unmanaged<nint, nint, nint*, NativeStatus> EventAdopt;
    public readonly delegate* unmanaged<nint, void> EventDestroy;
    public readonly delegate* unmanaged<nint, nint, NativeStatus> EventRecord;
    public readonly delegate* unmanaged<nint, nint, NativeStatus> EventWait;
    public readonly delegate* unmanaged<nint, NativeStatus> EventSynchronize;
    public readonly delegate* unmanaged<nint, nint, double*, NativeStatus> EventElapsed;
    public readonly delegate* unmanaged<nint, NativeStatus> GraphBegin;
    public readonly delegate* unmanaged<nint, nint*, NativeStatus> GraphEnd;
    public readonly delegate* unmanaged<nint, nint, NativeStatus> GraphLaunch;
    public readonly delegate* unmanaged<nint, void> GraphDestroy;
    public readonly delegate* unmanaged<nint, byte*, NativeStatus> CommId;
    public readonly delegate* unmanaged<nint, CommOptions*, nint*, NativeStatus> CommCreate;
    public readonly delegate* unmanaged<nint, byte*, void> CommAbort;
    public readonly delegate* unmanaged<nint, void> CommDestroy;
    public readonly delegate* unmanaged<int, int, NativeDtype, ulong> MatrixBytes;
    public readonly delegate* unmanaged<int, int, int, NativeDtype, ulong> KvBytes;
    public readonly delegate* unmanaged<int, int, ulong> SampleWorkspaceBytes;
    public readonly delegate* unmanaged<nint, PackOperation*, NativeStatus> Pack;
    public readonly delegate* unmanaged<nint, nint, nint, NativeDtype, long, NativeStatus> ConvertToF32;
    public readonly delegate* unmanaged<nint, void*, void*, ulong, NativeStatus> Copy;
    public readonly delegate* unmanaged<nint, EmbedOperation*, NativeStatus> Embed;
    public readonly delegate* unmanaged<nint, LoadRowsOperation*, NativeStatus> LoadRows;
    public readonly delegate* unmanaged<nint, RmsNormOperation*, NativeStatus> RmsNorm;
    public readonly delegate* unmanaged<nint, LinearOperation*, NativeStatus> Linear;
    public readonly delegate* unmanaged<nint, RopeAnglesOperation*, NativeStatus> RopeAngles;
    public readonly delegate* unmanaged<nint, SetBlocksOperation*, NativeStatus> SetBlocks;
    public readonly delegate* unmanaged<nint, QkvEpilogueOperation*, NativeStatus> QkvEpilogue;
    public readonly delegate* unmanaged<nint, AttentionOperation*, NativeStatus> Attention;
    public readonly delegate* unmanaged<nint, GatherRowsOperation*, NativeStatus> GatherRows;
    public readonly delegate* unmanaged<nint, PenalizeOperation*, NativeStatus> Penalize;
    public readonly delegate* unmanaged<nint, SampleOperation*, NativeStatus> Sample;
    public readonly delegate* unmanaged<nint, ProbeOperation*, NativeStatus> Probe;
    public readonly delegate* unmanaged<nint, ScoreOperation*, NativeStatus> Score;
    public readonly delegate* unmanaged<nint, LogProbsOperation*, NativeStatus> LogProbs;
    public readonly delegate* unmanaged<nint, AllGatherOperation*, NativeStatus> AllGather;
    public readonly delegate* unmanaged<nint, AllSumOperation*, NativeStatus> AllSum;
    public readonly delegate* unmanaged<nint, DeviceRates*, NativeStatus> Measure;
}
