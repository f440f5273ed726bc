namespace SoftThinking.Evaluation.Code;

/// <summary>What a program in the sandbox may use. Processor time is limited a second above <see cref="Wall"/>.</summary>
public sealed record SandboxLimits
{
    /// <summary>Time from start to end.</summary>
    public TimeSpan Wall { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Memory in bytes: address space of each process, and what all processes of a run occupy together.</summary>
    public long MemoryBytes { get; init; } = 2L << 30;

    /// <summary>Processes and threads at a time.</summary>
    public int Processes { get; init; } = 64;

    /// <summary>Size of one file in bytes.</summary>
    public long FileBytes { get; init; } = 64L << 20;

    /// <summary>Size of the work directory in bytes; holds where the program has a file system of its own.</summary>
    public long DiskBytes { get; init; } = 128L << 20;

    /// <summary>Open files of a process.</summary>
    public int OpenFiles { get; init; } = 256;

    /// <summary>Bytes of standard output after which a run is ended.</summary>
    public int OutputBytes { get; init; } = 1 << 20;

    /// <summary>Refuses limits under which no Python program can start.</summary>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Wall, TimeSpan.FromMilliseconds(100), nameof(Wall));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Wall, TimeSpan.FromDays(1), nameof(Wall));
        ArgumentOutOfRangeException.ThrowIfLessThan(MemoryBytes, 256L << 20, nameof(MemoryBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(Processes, 4, nameof(Processes));
        ArgumentOutOfRangeException.ThrowIfLessThan(FileBytes, 1L << 20, nameof(FileBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(DiskBytes, 1L << 20, nameof(DiskBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(OpenFiles, 16, nameof(OpenFiles));
        ArgumentOutOfRangeException.ThrowIfLessThan(OutputBytes, 1024, nameof(OutputBytes));
    }
}
