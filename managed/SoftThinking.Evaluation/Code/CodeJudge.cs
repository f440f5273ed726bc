using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Code;

/// <summary>Judges programs by running them with the tests of their problem.</summary>
public static class CodeJudge
{
    private static readonly string Harness = LauncherProcess.Resource("harness.py");

    /// <summary>
    /// Correct if all tests pass, wrong if one does not or a limit is reached. Undecided without tests (rule "tests.none")
    /// and where the sandbox failed ("sandbox"); no answer without a program ("code.none"). An answer that ends early or
    /// prints what it likes does not pass: tests count as passed only with a token that the harness sends after the last.
    /// </summary>
    /// <param name="task">The problem.</param>
    /// <param name="answer">The text after the thought.</param>
    /// <param name="sandbox">Where the program runs.</param>
    public static async Task<Verdict> JudgeAsync(
        CodeTask task, string answer, PythonSandbox sandbox, CancellationToken cancellation = default)
    {
        if (CodeExtractor.Extract(answer) is not { } code)
            return new Verdict(Outcome.NoAnswer, "code.none") { Note = "no code block in the answer" };
        if (!task.HasTests)
            return new Verdict(Outcome.Undecided, "tests.none") { Answer = code, Note = "no tests in the file" };
        for (int i = 0; i < task.Checks.Count; i++)
        {
            (SandboxRun run, string? failure) = task.Checks[i] switch
            {
                HarnessCheck check => await RunAsync(check, code, sandbox, cancellation).ConfigureAwait(false),
                OutputCheck check => await RunAsync(check, code, sandbox, cancellation).ConfigureAwait(false),
                _ => throw new InvalidOperationException("unknown check"),
            };
            if (run.End == SandboxEnd.Broken)
                return new Verdict(Outcome.Undecided, "sandbox") { Answer = code, Note = run.Describe() };
            if (failure is not null)
                return new Verdict(Outcome.Wrong, "tests") { Answer = code, Note = Numbered(failure, i, task.Checks.Count) };
        }
        return new Verdict(Outcome.Correct, "tests") { Answer = code };
    }

    private static string Numbered(string failure, int index, int count) => count == 1
        ? failure
        : string.Create(CultureInfo.InvariantCulture, $"test {index + 1} of {count}: {failure}");

    /// <summary>The answer with its tests in one process. The failure is null only if the harness sent its token.</summary>
    private static async Task<(SandboxRun Run, string? Failure)> RunAsync(
        HarnessCheck check, string code, PythonSandbox sandbox, CancellationToken cancellation)
    {
        string token = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        JsonObject task = check.Task.DeepClone().AsObject();
        task["code"] = code;
        task["token"] = token;
        SandboxRun run = await sandbox.RunAsync(Harness, task.ToJsonString(), cancellation).ConfigureAwait(false);
        if (run.End != SandboxEnd.Finished)
            return (run, run.Describe());
        (string? sent, string? failure) = Report(run.Report);
        if (sent == token)
            return (run, null);
        return (run, string.IsNullOrEmpty(failure) ? "the program ended before its tests had passed" : failure);
    }

    private static (string? Token, string? Failure) Report(string text)
    {
        try
        {
            JsonObject? report = JsonNode.Parse(text) as JsonObject;
            return (Text(report?["token"]), Text(report?["failure"]));
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return (null, null); // Not the harness's: the program wrote to the descriptor itself.
        }
    }

    private static string? Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    /// <summary>The answer as a program of its own; it never sees what is expected.</summary>
    private static async Task<(SandboxRun Run, string? Failure)> RunAsync(
        OutputCheck check, string code, PythonSandbox sandbox, CancellationToken cancellation)
    {
        SandboxRun run = await sandbox.RunAsync(Prelude.Before(code), check.Input, cancellation).ConfigureAwait(false);
        if (run.End != SandboxEnd.Finished)
            return (run, run.Describe());
        return (run, OutputComparison.Difference(check.Expected, run.Output));
    }
}
