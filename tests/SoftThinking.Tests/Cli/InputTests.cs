using System.Diagnostics;
using System.Text;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>Input is read once, as UTF-8, wherever it comes from.</summary>
public class InputTests
{
    private const string Lines = "{\"prompt\": \"1 + 1\"}\n{\"prompt\": \"2 + 2\"}\n{\"prompt\": \"3 + 3\"}\n";

    private static readonly string[] Brief = ["--max-new-tokens", "2"];

    [Test]
    [Platform("Linux,MacOsX")]
    public void QuestionsComeThroughAFifo()
    {
        using TempFolder folder = new();
        using Fifo fifo = new(folder, Lines);
        Answers3(CliRun.Of(["generate", "--prompts", fifo.Path, .. Brief]));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void QuestionsComeThroughDevStdin() => Answers3(CliProcess.Run(Lines, ["generate", "--prompts", "/dev/stdin", .. Brief]));

    [Test]
    [Platform("Linux,MacOsX")]
    public void QuestionsComeThroughProcessSubstitution()
    {
        using TempFolder folder = new();
        string file = folder.Write("q.jsonl", Lines);
        string[] shell = ["bash", "-c", "\"$@\" --prompts <(cat \"$0\")", file];
        using Process process = CliProcess.StartCommand([.. shell, .. CliProcess.Command(["generate", .. Brief])]);
        Answers3(CliProcess.Finish(process));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void AQuestionComesThroughAFifoOrDevStdin()
    {
        using TempFolder folder = new();
        using Fifo fifo = new(folder, "1 + 1\n");
        string expected = Steps(CliRun.Of(["generate", "--json", "--prompt", "1 + 1", .. Brief]));

        Assert.That(Steps(CliRun.Of(["generate", "--json", "--prompt-file", fifo.Path, .. Brief])), Is.EqualTo(expected));
        Assert.That(Steps(CliProcess.Run("1 + 1\n", ["generate", "--json", "--prompt-file", "/dev/stdin", .. Brief])), Is.EqualTo(expected));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void WaitingForTheWriterOfAFifoCanBeCancelled([Values("--prompts", "--prompt-file")] string option)
    {
        using TempFolder folder = new();
        string path = folder.File("fifo");
        Assert.That(Tool.Run(["mkfifo", path]).ExitCode, Is.Zero);
        using CancellationTokenSource cancellation = new();
        using StringWriter output = new(), error = new();
        Task<CliRun> run = Task.Run(() => CliRun.Run(null, output, error, ["generate", option, path], cancellation: cancellation.Token));
        cancellation.Cancel();

        Assert.That(run.Wait(CliProcess.Limit), "it must not wait for the writer");
        Assert.That(run.Result, Is.EqualTo(new CliRun(130, "", "")));
        using FileStream both = new(path, FileMode.Open, FileAccess.ReadWrite); // ends the wait of the thread
    }

    [TestCase("")]
    [TestCase("\n\n")]
    [TestCase("\uFEFF\n")]
    public void AFileWithoutQuestionsIsAnError(string text)
    {
        using TempFolder folder = new();
        string file = folder.Write("q.jsonl", text);

        Assert.That(CliRun.Of("generate", "--prompts", file), Is.EqualTo(new CliRun(1, "", $"error: --prompts: {file} holds no questions\n")));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void AFifoWithoutQuestionsIsAnError()
    {
        using TempFolder folder = new();
        using Fifo fifo = new(folder, "");

        Assert.That(CliRun.Of("generate", "--prompts", fifo.Path),
            Is.EqualTo(new CliRun(1, "", $"error: --prompts: {fifo.Path} holds no questions\n")));
    }

    [Test]
    public void InvalidUtf8IsAnErrorOfItsLine()
    {
        byte[] bytes = [.. "{\"prompt\": \"1 + 1\"}\n{\"id\": 5, \"prompt\": \"1 "u8, 0xC3, 0x28, .. "\"}\n{\"prompt\": \"2 + 2\"}"u8];
        CliRun run = CliRun.WithBytes(bytes, ["generate", "--prompts", "-", .. Brief]);

        Assert.That((run.Code, run.Error), Is.EqualTo((1, "")));
        Assert.That(run.JsonLines, Has.Length.EqualTo(3));
        Assert.That(run.JsonLines[1].GetRawText(), Is.EqualTo("""{"line":2,"error":"the text is broken: it is not UTF-8, at byte 24"}"""));
        Assert.That(new[] { run.JsonLines[0], run.JsonLines[2] }, Has.All.Matches<System.Text.Json.JsonElement>(
            line => line.GetProperty("finish_reason").GetString() == "length"));
    }

    [Test]
    public void AQuestionThatIsNotUtf8IsAnError()
    {
        using TempFolder folder = new();
        byte[] bytes = [.. "What"u8, 0xFF];
        string file = folder.Write("q.txt", bytes);

        Assert.That(CliRun.WithBytes(bytes, "generate"), Is.EqualTo(new CliRun(1, "", "error: standard input is not valid UTF-8 at byte 5\n")));
        Assert.That(CliRun.Of("generate", "--prompt-file", file),
            Is.EqualTo(new CliRun(1, "", $"error: --prompt-file: {file} is not valid UTF-8 at byte 5\n")));
    }

    [Test]
    public void AByteOrderMarkIsNoPartOfTheInput()
    {
        using TempFolder folder = new();
        string expected = Steps(CliRun.Of(["generate", "--json", "--prompt", "1 + 1", .. Brief]));

        Assert.That(Steps(CliRun.With("\uFEFF1 + 1", ["generate", "--json", .. Brief])), Is.EqualTo(expected));
        Assert.That(Steps(CliRun.Of(["generate", "--json", "--prompt-file", folder.Write("q.txt", "\uFEFF1 + 1"), .. Brief])), Is.EqualTo(expected));
        Answers3(CliRun.Of(["generate", "--prompts", folder.Write("q.jsonl", "\uFEFF" + Lines), .. Brief]));
        Answers3(CliRun.With("\uFEFF" + Lines, ["generate", "--prompts", "-", .. Brief]));
    }

    [Test]
    public void LinesAreFoundWhateverTheirLength()
    {
        string longLine = $"{{\"prompt\": \"2 + 2\", \"id\": \"{new string('x', 200_000)}\"}}";
        string[] lines = ["{\"prompt\": \"1 + 1\"}", longLine, "", "{\"prompt\": \"2 + 2\"}"];
        CliRun run = CliRun.With(string.Join("\r\n", lines), ["generate", "--prompts", "-", .. Brief]);

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.JsonLines.Select(line => line.GetProperty("line").GetInt32()), Is.EqualTo(new[] { 1, 2, 4 }));
    }

    [TestCase("--prompts")]
    [TestCase("--prompt-file")]
    public void WhatIsNoFileIsNamed(string option)
    {
        using TempFolder folder = new();

        Assert.That(CliRun.Of("generate", option, folder.Path), Is.EqualTo(new CliRun(1, "", $"error: {option}: '{folder.Path}' is a directory, not a file\n")));
    }

    [TestCase("--prompts", "generate", "--prompts", "")]
    [TestCase("--prompt-file", "generate", "--prompt-file", "")]
    [TestCase("--trace", "generate", "--prompt", "x", "--trace", "")]
    [TestCase("--record", "generate", "--prompt", "x", "--record", "")]
    [TestCase("--model", "inspect", "--model", "")]
    [TestCase("--load", "chat", "--load", "")]
    [TestCase("--output", "quantize", "--output", "")]
    [TestCase("FILE", "score", "")]
    [TestCase("--dataset", "eval", "--dataset", "")]
    [TestCase("--datasets", "eval", "--datasets", "")]
    [TestCase("--output-dir", "eval", "--output-dir", "")]
    [TestCase("DIR", "report", "")]
    [TestCase("--output-dir", "report", "x", "--output-dir", "")]
    [TestCase("--api-key-file", "serve", "--api-key-file", "")]
    public void AnEmptyPathIsAnErrorOfTheCommandLine(string name, params string[] arguments)
    {
        CliRun run = CliRun.Of(arguments);

        Assert.That((run.Code, run.Out), Is.EqualTo((2, "")));
        Assert.That(run.Error, Does.StartWith($"error: {name}: the path is empty\n"));
    }

    private static void Answers3(CliRun run)
    {
        Assert.That((run.Code, run.Error), Is.EqualTo((0, "")));
        Assert.That(run.JsonLines.Select(line => line.GetProperty("line").GetInt32()), Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(run.JsonLines.Select(line => line.GetProperty("tokens").GetArrayLength()), Is.All.EqualTo(2));
    }

    private static string Steps(CliRun run)
    {
        Assert.That(run.Code, Is.Zero, run.Error);
        return run.Json.GetProperty("tokens").GetRawText();
    }

    /// <summary>A named pipe with a writer that writes a text and closes it.</summary>
    private sealed class Fifo : IDisposable
    {
        private readonly Task _writing;

        public Fifo(TempFolder folder, string text)
        {
            Path = folder.File("fifo");
            Assert.That(Tool.Run(["mkfifo", Path]).ExitCode, Is.Zero);
            _writing = Task.Run(() => Write(text));
        }

        public string Path { get; }

        public void Dispose()
        {
            // Where the test failed before it opened the pipe, the writer still waits.
            if (!_writing.IsCompleted)
            {
                using FileStream reader = new(Path, FileMode.Open, FileAccess.ReadWrite);
            }
            _writing.Wait(CliProcess.Limit);
        }

        private void Write(string text)
        {
            using FileStream pipe = new(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            pipe.Write(Encoding.UTF8.GetBytes(text));
        }
    }
}
