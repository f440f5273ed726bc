using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>The processes that a launcher of MPI started, which compute one model together. After a collective that failed, all
/// that follow fail with the same message; the process should then end with an error, upon which the launcher ends the others.
/// </summary>
internal sealed unsafe class MpiWorld : IDisposable
{
    // For the end of an orderly shutdown: all ranks leave at about the same time.
    private static readonly TimeSpan LeaveLimit = TimeSpan.FromSeconds(10);

    private readonly MpiLibrary _library;

    private MpiWorld(MpiLibrary library)
    {
        _library = library;
        library.Check(library.Api->Join());
        MpiInfo info = new() { Size = (uint)sizeof(MpiInfo) };
        library.Check(library.Api->Query(&info));
        (Rank, Ranks, LocalRank, LocalRanks) = (info.Rank, info.Ranks, info.LocalRank, info.LocalRanks);
    }

    /// <summary>The world that this process has joined; null if none.</summary>
    public static MpiWorld? Joined { get; private set; }

    /// <summary>Whether the other ranks wait for the next order of rank 0, and not for something in particular.</summary>
    public bool Idle { get; set; } = true;

    public int Rank { get; }

    /// <summary>Processes of the world.</summary>
    public int Ranks { get; }

    /// <summary>Rank among the processes of the world on this machine.</summary>
    public int LocalRank { get; }

    /// <summary>Processes of the world on this machine.</summary>
    public int LocalRanks { get; }

    /// <summary>An st_transport for communicators between processes; it exists until the process ends.</summary>
    public nint Transport => (nint)_library.Api->Transport();

    /// <summary>Waits for all processes that the launcher started. A process joins once, and cannot come back.</summary>
    /// <exception cref="BackendException">There is no MPI, or it failed.</exception>
    public static MpiWorld Join() => Joined = new(MpiLibrary.Instance);

    /// <summary>Replaces the bytes by those of rank 0. It and <see cref="AllGather"/> are called by one thread at a time.</summary>
    /// <param name="data">As long on all ranks.</param>
    /// <param name="timeout">How long to wait for other ranks, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <exception cref="BackendException">Another rank did not come in time, or MPI failed.</exception>
    public void Broadcast(Span<byte> data, TimeSpan timeout)
    {
        byte* copy = Copy(data);
        _library.Check(_library.Api->Broadcast(copy, (ulong)data.Length, Milliseconds(timeout)));
        new ReadOnlySpan<byte>(copy, data.Length).CopyTo(data);
        NativeMemory.Free(copy);
    }

    /// <summary>Collects the bytes of every rank, in the order of the ranks.</summary>
    /// <param name="own">As long on all ranks.</param>
    /// <param name="all">Receives <see cref="Ranks"/> times as many bytes.</param>
    /// <param name="timeout">How long to wait for other ranks, or <see cref="Timeout.InfiniteTimeSpan"/>.</param>
    /// <exception cref="BackendException">Another rank did not come in time, or MPI failed.</exception>
    public void AllGather(ReadOnlySpan<byte> own, Span<byte> all, TimeSpan timeout)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(all.Length, own.Length * Ranks);
        byte* copy = Copy(own), gathered = Copy(all);
        _library.Check(_library.Api->AllGather(copy, gathered, (ulong)own.Length, Milliseconds(timeout)));
        new ReadOnlySpan<byte>(gathered, all.Length).CopyTo(all);
        NativeMemory.Free(copy);
        NativeMemory.Free(gathered);
    }

    /// <summary>Ends all processes of the world at once, this one with a code; does not return.</summary>
    public void Abort(int code) => _library.Api->Abort(code);

    /// <summary>Waits for all ranks to leave. In a world that is broken, or whose other ranks do not leave, it gives up: the
    /// launcher then reports that this process ended without leaving.</summary>
    public void Dispose() => _library.Api->Leave(Milliseconds(LeaveLimit));

    // MPI may write into the memory of a collective that failed until the process ends, so that memory is not freed then, and
    // is never managed.
    private static byte* Copy(ReadOnlySpan<byte> data)
    {
        byte* copy = (byte*)NativeMemory.Alloc((nuint)data.Length);
        data.CopyTo(new(copy, data.Length));
        return copy;
    }

    private static uint Milliseconds(TimeSpan timeout) =>
        timeout == Timeout.InfiniteTimeSpan ? 0 : (uint)Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 1, uint.MaxValue);
}
