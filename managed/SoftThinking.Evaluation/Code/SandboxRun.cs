using System.Globalization;

namespace SoftThinking.Evaluation.Code;

/// <summary>How a program in the sandbox ended.</summary>
public enum SandboxEnd
{
    /// <summary>By itself, with exit code 0.</summary>
    Finished,

    /// <summary>By itself with another exit code, or by a signal.</summary>
    Failed,

    /// <summary>It reached the limit on time.</summary>
    TimedOut,

    /// <summary>It reached the limit on memory.</summary>
    Memory,

    /// <summary>It wrote more to standard output than the limit.</summary>
    OutputLimit,

    /// <summary>The sandbox itself failed: nothing is known about the program.</summary>
    Broken,
}

/// <summary>A program that ran in the sandbox.</summary>
public sealed record SandboxRun
{
    /// <summary>How it ended.</summary>
    public required SandboxEnd End { get; init; }

    /// <summary>Exit code, 128 and the number of the signal where one ended it; null where it was stopped.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Standard output, at most <see cref="SandboxLimits.OutputBytes"/>. What is not UTF-8 is replaced.</summary>
    public string Output { get; init; } = "";

    /// <summary>The last 16 KiB of standard error; where the sandbox failed, what it has to say.</summary>
    public string Error { get; init; } = "";

    /// <summary>Time from start to end; the limit where it was reached.</summary>
    public TimeSpan Wall { get; init; }

    /// <summary>What the program wrote to descriptor 3: the first 64 KiB.</summary>
    internal string Report { get; init; } = "";

    /// <summary>A description of the end, with the last line of standard error where that says why.</summary>
    public string Describe() => End switch
    {
        SandboxEnd.Finished => "finished with exit code 0",
        SandboxEnd.TimedOut => string.Create(CultureInfo.InvariantCulture, $"timed out after {Wall.TotalSeconds:0.0} s"),
        SandboxEnd.Memory => "reached the memory limit",
        SandboxEnd.OutputLimit => "reached the limit on standard output",
        SandboxEnd.Broken => $"the sandbox failed: {Error}",
        _ => string.Create(CultureInfo.InvariantCulture, $"failed with exit code {ExitCode}{LastError()}"),
    };

    private string LastError()
    {
        string line = Error.TrimEnd().Split('\n')[^1].Trim();
        return line.Length == 0 ? "" : ": " + (line.Length <= 300 ? line : line[..300] + "…");
    }
}
