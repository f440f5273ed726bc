using System.ComponentModel;
using System.Diagnostics;

namespace SoftThinking.Evaluation.Code;

/// <summary>Finds an interpreter, and the protections under which it can run a program.</summary>
internal static class SandboxProbe
{
    private const string Program = "print(6 * 7)";

    private const string Identify = "import sys, ctypes; print(sys.executable); print(*sys.version_info[:3], sep='.')";

    private static readonly SandboxLimits Limits = new();

    /// <param name="without">Protections to leave out, so that tests see what a system without them does.</param>
    public static async Task<PythonSandbox> ProbeAsync(
        SandboxLimits limits, IReadOnlyCollection<string> without, CancellationToken cancellation)
    {
        limits.Check();
        if (!OperatingSystem.IsLinux())
        {
            throw new SandboxException(
                "Running code needs the protections of Linux: use WSL on Windows, a container or virtual machine on macOS.");
        }
        List<string> problems = [];
        HashSet<string> seen = [];
        foreach (string path in Candidates())
        {
            if (await IdentifyAsync(path, cancellation).ConfigureAwait(false) is not { } python || !seen.Add(python.Path))
                continue;
            if (await BestAsync(python.Path, without, problems, cancellation).ConfigureAwait(false) is { } plan)
                return new PythonSandbox(plan, limits, python.Version);
        }
        throw new SandboxException(problems.Count == 0
            ? "Running code needs Python 3.8 or later: no python3 on the PATH answers. Install the package python3."
            : "No Python program can be run in a sandbox here. " + string.Join(" ", problems));
    }

    private static IEnumerable<string> Candidates() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Where(Path.IsPathFullyQualified)
            .Concat(["/usr/bin", "/usr/local/bin"])
            .Select(directory => Path.Combine(directory, "python3"))
            .Distinct().Where(File.Exists);

    /// <summary>The real path of an interpreter (it may be a script that starts another), and its version.</summary>
    internal static async Task<(string Path, string Version)?> IdentifyAsync(string path, CancellationToken cancellation)
    {
        ProcessStartInfo info = new(path)
        {
            ArgumentList = { "-I", "-c", Identify },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stop.CancelAfter(TimeSpan.FromSeconds(20));
        try
        {
            string[] lines = (await OutputAsync(info, stop.Token).ConfigureAwait(false)).Split('\n');
            bool usable = lines.Length >= 2 && Path.IsPathFullyQualified(lines[0])
                && Version.TryParse(lines[1], out Version? version) && version >= new Version(3, 8);
            return usable ? (lines[0], lines[1]) : null;
        }
        catch (Exception e) when (e is Win32Exception or IOException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>Standard output of a process that ends with exit code 0, else nothing. A process that does not end is killed.</summary>
    private static async Task<string> OutputAsync(ProcessStartInfo info, CancellationToken cancellation)
    {
        using Process process = Process.Start(info)!;
        using StreamReader standardOutput = process.StandardOutput, standardError = process.StandardError;
        try
        {
            process.StandardInput.Close();
            string[] texts = await Task.WhenAll(
                standardOutput.ReadToEndAsync(cancellation), standardError.ReadToEndAsync(cancellation)).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
            return process.ExitCode == 0 ? texts[0] : "";
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>The plan with the most protections; null where no program runs at all, with the reason added.</summary>
    private static async Task<SandboxPlan?> BestAsync(
        string python, IReadOnlyCollection<string> without, List<string> problems, CancellationToken cancellation)
    {
        SandboxPlan? best = null;
        string? noUser = null;
        foreach (string mode in Protection.UserModes(Environment.IsPrivilegedProcess))
        {
            if (without.Contains(mode))
                continue;
            (SandboxPlan? plan, string reason) = await TryAsync(python, mode, without, cancellation).ConfigureAwait(false);
            if (plan is not null && !Acceptable(plan))
                (plan, reason) = (null, "it would have the rights of root over files and processes");
            if (plan is null)
            {
                problems.Add($"{python}, user \"{mode}\": {reason}.");
                noUser ??= reason;
                continue;
            }
            if (mode == "none" && noUser is not null)
                plan = plan with { Lacking = new Dictionary<string, string>(plan.Lacking) { [Protection.User] = noUser } };
            if (best is null || plan.Protections.Count > best.Protections.Count)
                best = plan;
            if (plan.Lacking.Count == 0)
                break;
        }
        return best;
    }

    /// <summary>
    /// In a user namespace a program keeps the rights of its user over files and processes. For root of a container that
    /// is too much, unless it sees none of them.
    /// </summary>
    private static bool Acceptable(SandboxPlan plan) =>
        !Environment.IsPrivilegedProcess || plan.User != "namespace"
        || (plan.OwnFiles && plan.Protections.Contains(Protection.Processes));

    /// <summary>Runs a program with all protections, then without those that are refused, one after the other.</summary>
    private static async Task<(SandboxPlan? Plan, string Reason)> TryAsync(
        string python, string mode, IReadOnlyCollection<string> without, CancellationToken cancellation)
    {
        List<string> protections = [.. Protection.All.Except(without)];
        Dictionary<string, string> lacking = [];
        while (true)
        {
            SandboxPlan plan = new(python, mode, [.. protections]) { Lacking = lacking };
            LauncherAnswer answer =
                await LauncherProcess.RunAsync(plan, Limits, Program, null, cancellation).ConfigureAwait(false);
            if (answer.Run.End == SandboxEnd.Finished && answer.Run.Output == "42\n")
                return (plan, "");
            if (answer.Lacking is null || !protections.Remove(answer.Lacking))
                return (null, answer.Run.Describe());
            lacking[answer.Lacking] = answer.Run.Error;
        }
    }
}
