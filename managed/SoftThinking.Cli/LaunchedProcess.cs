namespace SoftThinking.Cli;

/// <summary>One of several processes that a launcher of MPI started with the same command line. The first one executes it; the others compute
/// their parts of its models.</summary>
internal static class LaunchedProcess
{
    /// <summary>To be called first of all: a launcher connects its processes to a terminal that is not the user's.</summary>
    public static void UsePlainText()
    {
        try
        {
            if (ProcessGroup.IsLaunched)
                Environment.SetEnvironmentVariable("TERM", "dumb");
        }
        catch (BackendException)
        {
            // To be reported when this process joins the others.
        }
    }

    /// <summary>Executes the command line, here or in the first process, and returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] arguments, Terminal terminal, CancellationToken cancellation)
    {
        ProcessGroup? group;
        try
        {
            group = ProcessGroup.Join();
        }
        catch (BackendException error)
        {
            terminal.ReportError(error.Message);
            return ExitCode.Failure;
        }
        if (group == null)
            return await CommandLine.RunAsync(arguments, terminal, cancellation);
        int code = group.Rank == 0 ? await CommandLine.RunAsync(arguments, terminal, cancellation) : Work(group, terminal);
        terminal.Out.Flush();
        group.Dispose();
        return code;
    }

    private static int Work(ProcessGroup group, Terminal terminal)
    {
        try
        {
            group.Work(Fail);
            return ExitCode.Success;
        }
        catch (Exception error) when (error is BackendException or InsufficientMemoryException or ArgumentException or IOException)
        {
            Fail(error);
            return ExitCode.Failure;
        }

        void Fail(Exception error)
        {
            terminal.ReportError($"rank {group.Rank} of {group.Count} failed: {error.Message}");
            group.Abort(ExitCode.Failure);
        }
    }
}
