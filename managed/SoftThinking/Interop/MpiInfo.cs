using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>Mirror of st_mpi_info in native/include/softthinking/mpi.h, which documents every field.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MpiInfo
{
    public const int LibraryBytes = 128;

    public uint Size;
    public int Rank;
    public int Ranks;
    public int LocalRank;
    public int LocalRanks;
    public int Reserved;
    public fixed byte Library[LibraryBytes];
}
