using System.Diagnostics;
using System.Text;

namespace SoftThinking.Tests;

/// <summary>Runs another program and waits for it.</summary>
internal static class Tool
{
    /// <param name="ExitCode">What the program returned.</param>
    /// <param name="Output">Standard output and standard error, line by line in the order of their arrival.</param>
    internal sealed record Result(int ExitCode, string Output);

    /// <param name="command">The program and its arguments.</param>
    /// <param name="folder">Working directory; that of this process where it is null.</param>
    /// <param name="environment">Variables to set, or with null to remove.</param>
    /// <param name="timeout">After this time the program and its children are ended; five minutes where it is null.</param>
    /// <exception cref="TimeoutException">The program ran longer than that; the message holds what it had printed.</exception>
    public static Result Run(IReadOnlyList<string> command, string? folder = null,
        IEnumerable<KeyValuePair<string, string?>>? environment = null, TimeSpan? timeout = null)
    {
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            WorkingDirectory = folder ?? "",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string? value) in environment ?? [])
            start.Environment[name] = value;

        StringBuilder output = new();
        void Append(object sender, DataReceivedEventArgs line)
        {
            lock (output)
                output.AppendLine(line.Data);
        }
        using Process process = new() { StartInfo = start };
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        TimeSpan limit = timeout ?? TimeSpan.FromMinutes(5);
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            throw new TimeoutException($"{command[0]} was ended after {limit.TotalSeconds} s; it had printed:\n{output}");
        }
        process.WaitForExit(); // the call with a limit does not wait for the last lines
        return new(process.ExitCode, output.ToString());
    }
}
