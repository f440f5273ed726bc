using System.Diagnostics;

namespace SoftThinking.Tests.Cli;

/// <summary>The command line as a program of its own; everything it reads and writes is redirected.</summary>
internal static class CliProcess
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static Process Start(params string[] arguments)
    {
        string dotnet = Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";
        ProcessStartInfo start = new(dotnet, [Path.Combine(AppContext.BaseDirectory, "SoftThinking.Cli.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>Runs the program with the given standard input.</summary>
    public static CliRun Run(string input, params string[] arguments)
    {
        using Process process = Start(arguments);
        process.StandardInput.Write(input);
        return Finish(process);
    }

    /// <summary>Ends a program's input and waits for its end.</summary>
    public static CliRun Finish(Process process)
    {
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new TimeoutException($"the command line ran longer than {Limit}");
        }
        return new CliRun(process.ExitCode, output.Result, error.Result);
    }
}
