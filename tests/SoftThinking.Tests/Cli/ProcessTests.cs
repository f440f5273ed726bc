using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Tests.Cli;

/// <summary>The command line as a program: its streams, exit codes and signals.</summary>
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

    [TestCase("INT")]
    [TestCase("TERM")]
    [Platform("Linux,MacOsX")]
    public void ASignalEndsTheRunAndKeepsWhatItHas(string signal)
    {
        string folder = Directory.CreateTempSubdirectory("softthinking-").FullName;
        try
        {
            // The trace goes into a pipe that holds less than the run writes, so that the run lasts until it is read.
            string pipe = Path.Combine(folder, "trace");
            Assert.That(Tool.Run(["mkfifo", pipe]).ExitCode, Is.Zero);
            using Process process = CliProcess.Start("generate", "--prompt", CliRun.Question, "--json", "--trace", pipe,
                "--max-topk", "400", "--temperature", "100", "--top-p", "1", "--top-k", "0", "--min-p", "0");
            using StreamReader trace = new(pipe);
            string first = trace.ReadLine()!;
            Assert.That(Tool.Run(["kill", "-" + signal, $"{process.Id}"]).ExitCode, Is.Zero);
            // The rest of the pipe lets the step in hand end. The signal arrives before: the process is woken by it.
            Thread.Sleep(3000); // on a machine that has much else to do, too
            // Its output is read meanwhile: the object may be larger than what the pipe of standard output holds.
            Task<CliRun> finished = Task.Run(() => CliProcess.Finish(process));
            string[] rest = trace.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            CliRun run = finished.Result;

            Assert.That(run.Code, Is.EqualTo(130), run.Error);
            Assert.That(run.Json.GetProperty("finish_reason").GetString(), Is.EqualTo("cancelled"));
            int steps = run.Json.GetProperty("steps").GetArrayLength();
            Assert.That(steps, Is.EqualTo(1 + rest.Length));
            Assert.That(JsonElement.Parse(rest.Append(first).Last()).GetProperty("text").ValueKind, Is.EqualTo(JsonValueKind.String));
            Assert.That(run.Json.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(steps));
            Assert.That(run.Error, Is.Empty);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
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
