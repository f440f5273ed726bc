namespace SoftThinking.Cli;

/// <summary>The exit codes of the program.</summary>
internal static class ExitCode
{
    public const int Success = 0, Failure = 1, Usage = 2, Interrupted = 130;

    /// <summary>All codes and their meanings, for help.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> Meanings { get; } =
    [
        (Success, "Success. Also when the reader of the output closes it, as head does."),
        (Failure, "The command failed, or at least one line of its input did."),
        (Usage, "The command line is wrong."),
        (Interrupted, "Interrupted by Ctrl-C or SIGTERM; finished output has been printed."),
    ];
}
