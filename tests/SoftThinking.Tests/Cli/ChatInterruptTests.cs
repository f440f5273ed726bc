using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using NUnit.Framework;
using SoftThinking.Cli;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>A conversation at a terminal, and Ctrl-C in it.</summary>
[NonParallelizable]
public class ChatInterruptTests
{
    private const string Hint = "Ctrl-C again, Ctrl-D or /exit ends the conversation";

    private CaseModel _model = null!;

    /// <summary>Answers that do not end before they are interrupted.</summary>
    private string[] LongAnswers => ["chat", "--model", _model.Path, "--max-new-tokens", "32000", "--min-new-tokens", "32000"];

    [OneTimeSetUp]
    public void CopyModel() => _model = CaseModel.Copy().Edit("config.json", config => config["max_position_embeddings"] = 32768);

    [OneTimeTearDown]
    public void DeleteModel() => _model.Dispose();

    [Test]
    public void ATerminalHasAPrompt()
    {
        using MemoryStream keyboard = new("1 \\\n+ 1\n/exit\n"u8.ToArray());
        using StringWriter output = new(), error = new();
        using Interruption interruption = new();
        CliRun run = Type(keyboard, output, error, interruption, "chat", "--max-new-tokens", "1");

        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Error, Does.StartWith("tiny-reasoner · /help lists the commands, Ctrl-D ends the conversation\n> … \n1 thought, ")
            .And.EndWith(" tokens/s · cut off at the limit of tokens\n> "));
    }

    [Test]
    public void ALineThatTheTerminalCutOffIsNotSent()
    {
        using MemoryStream keyboard = new(Encoding.UTF8.GetBytes(new string('x', 4095) + "\n"));
        using StringWriter output = new(), error = new();
        using Interruption interruption = new();
        CliRun run = Type(keyboard, output, error, interruption, "chat");

        Assert.That((run.Code, run.Out), Is.EqualTo((0, "")));
        Assert.That(run.Error, Does.Contain("error: the terminal cuts off lines of more than 4095 bytes: end lines with \\, or use a pipe\n"));
    }

    [Test]
    public void CtrlCKeepsWhatWasSaidAndTheConversationGoesOn()
    {
        using TempFolder folder = new();
        string file = folder.File("saved.json");
        using MemoryStream keyboard = new(Encoding.UTF8.GetBytes($"{CliRun.Question}\n/soft off\nCompute 40 + 7.\n/save {file}\n"));
        using Interruption interruption = new();
        int presses = 0;
        using TriggerWriter output = new(" compute", () =>
        {
            if (presses++ == 0)
                interruption.Interrupt();
        });
        using StringWriter error = new();
        CliRun run = Type(keyboard, output, error, interruption, "chat");

        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Error.Split(" tokens/s · interrupted\n"), Has.Length.EqualTo(2));
        Assert.That(ChatTests.Messages(file).Select(message => message.GetProperty("role").GetString()),
            Is.EqualTo(new[] { "user", "assistant", "user", "assistant" }));
        Assert.That(ChatTests.Messages(file)[1].GetProperty("content").GetString(), Is.Empty);
        Assert.That(ChatTests.Messages(file)[1].GetProperty("reasoning_content").GetString(), Does.EndWith(" to compute"));
        Assert.That(ChatTests.Messages(file)[3].GetProperty("content").GetString(), Does.StartWith("The answer is"));
    }

    [Test]
    public void AtThePromptTheSecondCtrlCEndsTheProgram()
    {
        Pipe keys = new(); // nobody presses any
        using Stream keyboard = keys.Reader.AsStream();
        using StringWriter output = new();
        using Interruption interruption = new();
        using TriggerWriter error = new("> ", () => interruption.Interrupt());
        CliRun run = Type(keyboard, output, error, interruption, "chat");
        keys.Writer.Complete(); // ends the thread that reads

        Assert.That(run, Is.EqualTo(new CliRun(130, "",
            $"tiny-reasoner · /help lists the commands, Ctrl-D ends the conversation\n> \n{Hint}\n> ")));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void SigintStopsAnAnswerOfAProcess()
    {
        using Process process = CliProcess.Start(LongAnswers);
        foreach (string message in new[] { CliRun.Question, "Compute 40 + 7." })
        {
            process.StandardInput.WriteLine(message);
            process.StandardInput.Flush();
            ReadUntil(process.StandardOutput, "<think>\n"); // past the rest of the answer before
            ReadUntil(process.StandardOutput, "compute");
            Assert.That(Tool.Run(["kill", "-INT", $"{process.Id}"]).ExitCode, Is.Zero);
            ReadUntil(process.StandardError, "interrupted\n");
        }
        CliRun run = CliProcess.Finish(process);

        Assert.That(run.Code, Is.Zero, run.Error);
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void SigtermEndsTheProgramDuringAnAnswer()
    {
        using Process process = CliProcess.Start(LongAnswers);
        process.StandardInput.WriteLine(CliRun.Question);
        process.StandardInput.Flush();
        ReadUntil(process.StandardOutput, "compute");
        Assert.That(Tool.Run(["kill", "-TERM", $"{process.Id}"]).ExitCode, Is.Zero);
        CliRun run = CliProcess.Await(process);

        Assert.That(run.Code, Is.EqualTo(130));
        Assert.That(run.Error, Does.EndWith("· interrupted\n"));
    }

    /// <summary>The keys of a person, at a pseudo terminal of `script`.</summary>
    [Test]
    [Platform("Linux")]
    public void CtrlCAtATerminal()
    {
        if (!File.Exists("/usr/bin/script"))
            Assert.Ignore("the package bsdutils has /usr/bin/script");
        string command = "exec " + string.Join(' ', CliProcess.Command(LongAnswers).Select(word => $"'{word}'")); // no shell that Ctrl-C ends
        using Process process = CliProcess.StartCommand(["/usr/bin/script", "-qefc", command, "/dev/null"], ("NO_COLOR", "1"), ("SHELL", "/bin/sh"));
        void Press(string keys)
        {
            process.StandardInput.Write(keys);
            process.StandardInput.Flush();
        }

        StreamReader screen = process.StandardOutput;
        ReadUntil(screen, "> ");
        Press(CliRun.Question + "\n");
        ReadUntil(screen, "compute");
        Press("\x03");
        ReadUntil(screen, "interrupted");
        ReadUntil(screen, "> ");
        Press("half a line\x03");
        ReadUntil(screen, Hint);
        ReadUntil(screen, "> ");
        Press("Compute 40 + 7.\n");
        Assert.That(ReadUntil(screen, "compute"), Does.Not.Contain("half"), "Ctrl-C clears the line");
        Press("\x03");
        ReadUntil(screen, "interrupted");
        ReadUntil(screen, "> ");
        Press("\x04");

        Assert.That(process.WaitForExit(CliProcess.Limit));
        Assert.That(process.ExitCode, Is.Zero);
    }

    private static CliRun Type(Stream keyboard, StringWriter output, StringWriter error, Interruption interruption, params string[] arguments)
    {
        Terminal terminal = new(null, output, error, keyboard: keyboard, interruption: interruption);
        int code = CommandLine.RunAsync(arguments, terminal, interruption.Token).GetAwaiter().GetResult();
        return new CliRun(code, output.ToString(), error.ToString());
    }

    /// <returns>All that was read.</returns>
    private static string ReadUntil(StreamReader reader, string text)
    {
        StringBuilder read = new();
        using CancellationTokenSource limit = new(CliProcess.Limit);
        char[] next = new char[1];
        while (!read.ToString().EndsWith(text, StringComparison.Ordinal))
        {
            if (reader.ReadAsync(next, limit.Token).AsTask().GetAwaiter().GetResult() == 0)
                throw new EndOfStreamException($"'{text}' did not come, only: {read}");
            read.Append(next);
        }
        return read.ToString();
    }
}
