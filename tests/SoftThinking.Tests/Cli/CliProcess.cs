using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace SoftThinking.Tests.Cli;

/// <summary>The command line as a program of its own; everything it reads and writes is redirected, as UTF-8 whatever the
/// locale.</summary>
internal static class CliProcess
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>A child inherits which signals are ignored, and a shell ignores SIGINT in what it starts in the background.
    /// The env of GNU coreutils 8.31 and later resets that; elsewhere the tests need a shell's foreground.</summary>
    private static readonly Lazy<string[]> DefaultSignals = new(() =>
    {
        string[] env = ["env", "--default-signal=INT,TERM"];
        try
        {
            return Tool.Run([.. env, "true"]).ExitCode == 0 ? env : [];
        }
        catch (Win32Exception)
        {
            return [];
        }
    });

    /// <summary>The dotnet that runs this process, else the one in PATH.</summary>
    public static string Dotnet { get; } =
        Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";

    /// <summary>The words of a command that runs the program with the default actions of signals.</summary>
    public static string[] Command(params string[] arguments) =>
        [.. DefaultSignals.Value, Dotnet, Path.Combine(AppContext.BaseDirectory, "SoftThinking.Cli.dll"), .. arguments];

    public static Process Start(params string[] arguments) => StartCommand(Command(arguments));

    public static Process StartCommand(string[] command, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = Utf8,
            StandardOutputEncoding = Utf8,
            StandardErrorEncoding = Utf8,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
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
        return Await(process);
    }

    /// <summary>Waits for the end of a program whose input may stay open.</summary>
    public static CliRun Await(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new TimeoutException($"the command line ran longer than {Limit}");
        }
        return new CliRun(process.ExitCode, output.Result, error.Result);
    }
}
