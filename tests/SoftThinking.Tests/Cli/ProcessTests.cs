using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>The command line as a program: its streams, exit codes and signals.</summary>
[NonParallelizable]
public class ProcessTests
{
    [Test]
    public void AnswersAPipeInPlainText()
    {
        CliRun run = CliProcess.Run(CliRun.Question + "\n", "generate");

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.StartWith("<think>\n").And.EndsWith("\n</think>\n\nThe answer is \\boxed{113}.\n"));
        Assert.That(run.Out, Does.Contain('⁵'), "UTF-8");
        Assert.That(run.Out + run.Error, Does.Not.Contain('\e'));
        Assert.That(run.Error, Does.Contain("answer tokens"));
    }

    [TestCase(1, "generate", "--prompt", "x", "--model", "no-such-model")]
    [TestCase(2, "generate", "--prompt", "x", "--top-p", "7")]
    [TestCase(2, "generate", "--bogus")]
    [TestCase(0, "inspect")]
    public void ExitCodes(int code, params string[] arguments)
    {
        CliRun run = CliProcess.Run("", arguments);

        Assert.That(run.Code, Is.EqualTo(code), run.Error);
        Assert.That(run.Error, code == 0 ? Is.Empty : Does.StartWith("error: ").And.Not.Contain("   at "));
    }

    /// <summary>What cannot be said there must not make a command fail.</summary>
    [TestCase("/dev/full", 0, "inspect")]
    [TestCase("/dev/full", 0, "generate", "--prompt", "x", "--max-new-tokens", "2")]
    [TestCase("/dev/full", 2, "bogus")]
    [TestCase("&-", 0, "generate", "--prompt", "x", "--max-new-tokens", "2")]
    [TestCase("&-", 1, "generate", "--prompt", "")]
    [Platform("Linux")]
    public void StandardErrorMayBeFullOrClosed(string target, int code, params string[] arguments)
    {
        string[] command = ["sh", "-c", $"\"$@\" 2>{target}", "sh", .. CliProcess.Command(arguments)];
        using Process process = CliProcess.StartCommand(command);
        CliRun run = CliProcess.Finish(process);

        Assert.That(run.Code, Is.EqualTo(code), run.Error);
        Assert.That(run.Out, code == 0 ? Is.Not.Empty : Is.Empty);
    }

    [TestCase("C")]
    [TestCase("de_DE.ISO-8859-1")]
    public void InputAndOutputAreUtf8InEveryLocale(string locale)
    {
        string[] command = CliProcess.Command("generate", "--prompts", "-", "--max-new-tokens", "1");
        using Process process = CliProcess.StartCommand(command, ("LC_ALL", locale), ("LANG", locale));
        process.StandardInput.Write("{\"id\": \"über ⁷⁰\", \"prompt\": \"1 + 1\"}\n");
        CliRun run = CliProcess.Finish(process);

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Json.GetProperty("id").GetString(), Is.EqualTo("über ⁷⁰"));
    }

    /// <summary>Standard input stays open, so that nothing but the signal can end the program.</summary>
    [TestCase("INT")]
    [TestCase("TERM")]
    [Platform("Linux,MacOsX")]
    public void ASignalEndsTheProgramAndKeepsWhatItHas(string signal)
    {
        using Process process = CliProcess.Start("generate", "--prompts", "-");
        process.StandardInput.WriteLine($"{{\"prompt\": \"{CliRun.Question}\"}}");
        process.StandardInput.Flush();
        string answer = process.StandardOutput.ReadLine()!;
        Assert.That(Tool.Run(["kill", "-" + signal, $"{process.Id}"]).ExitCode, Is.Zero);
        CliRun run = CliProcess.Await(process);

        Assert.That(run, Is.EqualTo(new CliRun(130, "", "")));
        Assert.That(JsonElement.Parse(answer).GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void ACancelledRunKeepsWhatItHas()
    {
        using TempFolder folder = new();
        // The trace goes into a pipe that holds less than the run writes, so that the run lasts until it is read.
        string pipe = folder.File("trace");
        Assert.That(Tool.Run(["mkfifo", pipe]).ExitCode, Is.Zero);
        using CancellationTokenSource cancellation = new();
        using StringWriter output = new(), error = new();
        string[] arguments =
        [
            "generate", "--prompt", CliRun.Question, "--json", "--trace", pipe,
            "--max-topk", "400", "--temperature", "100", "--top-p", "1", "--top-k", "0", "--min-p", "0",
        ];
        Task<CliRun> running = Task.Run(() => CliRun.Run(null, output, error, arguments, cancellation: cancellation.Token));
        using StreamReader trace = new(pipe);
        string first = trace.ReadLine()!;
        cancellation.Cancel();
        string[] lines = [first, .. trace.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
        CliRun run = running.Result;

        Assert.That((run.Code, run.Error), Is.EqualTo((130, "")));
        Assert.That(run.Json.GetProperty("finish_reason").GetString(), Is.EqualTo("cancelled"));
        int steps = run.Json.GetProperty("tokens").GetArrayLength();
        Assert.That(steps, Is.EqualTo(lines.Length));
        Assert.That(JsonElement.Parse(lines[^1]).GetProperty("text").ValueKind, Is.EqualTo(JsonValueKind.String));
        Assert.That(run.Json.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(steps));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void AReaderOfTheTraceThatGoesAwayIsAnError()
    {
        using TempFolder folder = new();
        string pipe = folder.File("trace");
        Assert.That(Tool.Run(["mkfifo", pipe]).ExitCode, Is.Zero);
        using StringWriter output = new(), error = new();
        string[] arguments = ["generate", "--prompt", CliRun.Question, "--json", "--trace", pipe];
        Task<CliRun> running = Task.Run(() => CliRun.Run(null, output, error, arguments));
        using (FileStream trace = File.OpenRead(pipe))
            trace.ReadByte();

        Assert.That(running.Result.Code, Is.EqualTo(1));
        Assert.That(running.Result.Error, Does.StartWith("error: --trace: "));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void AReaderThatGoesAwayEndsTheProgramQuietly()
    {
        using Process process = CliProcess.Start("generate", "--prompt", CliRun.Question);
        process.StandardOutput.Close();
        process.StandardInput.Close();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.That(error, Is.Empty, "a closing line would say that it went on");
        Assert.That(process.ExitCode, Is.Zero);
    }
}
