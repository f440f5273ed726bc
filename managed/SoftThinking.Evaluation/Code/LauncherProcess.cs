using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Code;

/// <summary>An answer of the launcher.</summary>
/// <param name="Run">The run.</param>
/// <param name="Lacking">The protection that could not be had, so that nothing was run; null otherwise.</param>
internal sealed record LauncherAnswer(SandboxRun Run, string? Lacking = null);

/// <summary>Starts launcher.py for one run: the request as a line of JSON, its answer as another.</summary>
internal static class LauncherProcess
{
    private static readonly string Launcher = Resource("launcher.py");

    /// <summary>How long the launcher may need for itself, on a machine under load.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    public static string Resource(string name)
    {
        using Stream stream = typeof(LauncherProcess).Assembly.GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    public static async Task<LauncherAnswer> RunAsync(
        SandboxPlan plan, SandboxLimits limits, string program, string? input, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        string work = plan.OwnFiles ? "/tmp" : Directory.CreateTempSubdirectory("softthinking-run-").FullName;
        try
        {
            byte[] request = Encoding.UTF8.GetBytes(Request(plan, limits, program, input, work).ToJsonString() + "\n");
            return await RunAsync(plan, limits, request, cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (!plan.OwnFiles)
                Delete(work);
        }
    }

    private static JsonObject Request(
        SandboxPlan plan, SandboxLimits limits, string program, string? input, string work) => new()
        {
            ["program"] = program,
            ["input"] = input,
            ["user"] = plan.User,
            ["protections"] = new JsonArray([.. plan.Protections.Select(name => JsonValue.Create(name))]),
            ["work"] = work,
            ["limits"] = new JsonObject
            {
                ["wall"] = limits.Wall.TotalSeconds,
                ["cpu"] = (int)Math.Ceiling(limits.Wall.TotalSeconds) + 1,
                ["memory"] = limits.MemoryBytes,
                ["processes"] = limits.Processes,
                ["file"] = limits.FileBytes,
                ["disk"] = limits.DiskBytes,
                ["files"] = limits.OpenFiles,
                ["output"] = limits.OutputBytes,
            },
        };

    private static async Task<LauncherAnswer> RunAsync(
        SandboxPlan plan, SandboxLimits limits, byte[] request, CancellationToken cancellation)
    {
        using Process process = Start(plan.Python);
        // A process does not close streams that were used: each run would leave three descriptors to the finalizers. The writer of
        // standard input flushes when it is closed, which fails if the launcher is gone.
        using Stream standardInput = process.StandardInput.BaseStream;
        using StreamReader standardOutput = process.StandardOutput, standardError = process.StandardError;
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stop.CancelAfter(limits.Wall + Grace);
        Task<string> output = standardOutput.ReadToEndAsync(CancellationToken.None);
        Task<string> error = standardError.ReadToEndAsync(CancellationToken.None);
        try
        {
            await standardInput.WriteAsync(request, stop.Token).ConfigureAwait(false);
            await standardInput.FlushAsync(stop.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(stop.Token).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The launcher is gone; its answer, or the lack of one, says what happened.
        }
        catch (OperationCanceledException)
        {
            await EndAsync(process, standardInput).ConfigureAwait(false);
        }
        LauncherAnswer answer = Parse(await output.ConfigureAwait(false), await error.ConfigureAwait(false), limits);
        cancellation.ThrowIfCancellationRequested();
        return answer;
    }

    /// <summary>Starts the launcher without the environment of this process, which may hold keys.</summary>
    private static Process Start(string python)
    {
        ProcessStartInfo info = new(python)
        {
            ArgumentList = { "-I", "-S", "-c", Launcher },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = "/",
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        info.Environment.Clear();
        info.Environment["PATH"] = "/usr/bin:/bin";
        return Process.Start(info)!;
    }

    /// <summary>The end of its input asks the launcher to end everything; it is killed only if it does not.</summary>
    private static async Task EndAsync(Process process, Stream standardInput)
    {
        standardInput.Close();
        using CancellationTokenSource late = new(TimeSpan.FromSeconds(5));
        try
        {
            await process.WaitForExitAsync(late.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    private static LauncherAnswer Parse(string output, string error, SandboxLimits limits)
    {
        JsonObject? answer = null;
        try
        {
            answer = JsonNode.Parse(output) as JsonObject;
        }
        catch (JsonException)
        {
            // Handled as no answer.
        }
        if (answer is null || answer["ended"]?.GetValue<string>() is not { } ended)
        {
            string last = LastLine(error);
            return Broken("the launcher ended without an answer" + (last.Length == 0 ? "" : $" ({last})"));
        }
        if (ended is "lacking" or "setup")
        {
            string reason = answer["reason"]?.GetValue<string>() ?? "the run could not be prepared";
            return Broken(reason, answer["protection"]?.GetValue<string>());
        }
        SandboxRun run = new()
        {
            End = SandboxEnd.Failed,
            ExitCode = answer["code"]?.GetValue<int>(),
            Output = Text(answer, "output", limits.OutputBytes),
            Error = Text(answer, "error", int.MaxValue),
            Report = Text(answer, "report", int.MaxValue),
            Wall = TimeSpan.FromSeconds(answer["wall"]?.GetValue<double>() ?? 0),
        };
        SandboxEnd end = End(ended, run);
        // Where the limit ended it, the limit: what a verdict says does not depend on the load of the machine.
        return new LauncherAnswer(run with { End = end, Wall = end == SandboxEnd.TimedOut ? limits.Wall : run.Wall });
    }

    private static LauncherAnswer Broken(string reason, string? lacking = null) =>
        new(new SandboxRun { End = SandboxEnd.Broken, Error = reason }, lacking);

    private static SandboxEnd End(string ended, SandboxRun run) => ended switch
    {
        "time" => SandboxEnd.TimedOut,
        "memory" => SandboxEnd.Memory,
        "output" => SandboxEnd.OutputLimit,
        "exit" when run.ExitCode == 0 => SandboxEnd.Finished,
        _ when LastLine(run.Error).StartsWith("MemoryError", StringComparison.Ordinal) => SandboxEnd.Memory,
        _ => SandboxEnd.Failed,
    };

    private static string LastLine(string text) => text.TrimEnd().Split('\n')[^1];

    private static string Text(JsonObject answer, string key, int limit)
    {
        byte[] bytes = Convert.FromBase64String(answer[key]?.GetValue<string>() ?? "");
        return Encoding.UTF8.GetString(bytes, 0, Math.Min(bytes.Length, limit));
    }

    private static void Delete(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The program may have removed the permissions of its own directories. Nothing of value is in there.
        }
    }
}
