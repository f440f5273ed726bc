using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Records;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`generate --prompts`, and `--samples`: many answers, in order, each as if it had been asked for alone.</summary>
public class ManyPromptsTests
{
    private static readonly string[] Questions =
        ["What is 47 + 85 - 19?", "Compute 40 + 7.", "What is 12 + 30?", "What is 99 - 98?", "What is 5 + 6 - 7?", "Compute 31 + 31."];

    [Test]
    public void AnswersComeInOrderWithTheBitsOfEachQuestionAlone([Values(1, 4)] int batch)
    {
        // The first one is the longest: it ends after others.
        JsonElement[] lines = Ask(Questions.Select((question, i) => $$"""{"prompt": "{{question}}", "seed": {{i}}}"""), "--batch", $"{batch}");

        Assert.That(lines.Select(line => line.GetProperty("line").GetInt32()), Is.EqualTo(Enumerable.Range(1, Questions.Length)));
        for (int i = 0; i < lines.Length; i++)
        {
            JsonElement alone = CliRun.Of("generate", "--json", "--prompt", Questions[i], "--seed", $"{i}").Json;
            Assert.That(Names(lines[i]), Is.EqualTo(Names(alone).Prepend("line")));
            foreach (string property in new[] { "seed", "text", "answer", "finish_reason", "usage", "tokens" })
                Assert.That(lines[i].GetProperty(property).GetRawText(), Is.EqualTo(alone.GetProperty(property).GetRawText()), property);
        }
    }

    [Test]
    public void ALineOverridesTheCommandLine()
    {
        JsonElement[] lines = Ask(
        [
            """{"prompt": "What is 1 + 1?"}""",
            """{"prompt": "What is 1 + 1?", "max_new_tokens": 3, "id": "x"}""",
            """{"prompt": "What is 1 + 1?", "seed": 9, "no_soft_thinking": true, "after_thinking_temperature": 0, "id": 7}""",
            """{"prompt": "What is 1 + 1?", "system": "Be brief.", "stop": ["to"], "stop_in_thinking": true, "log_probs": 2}""",
        ], "--max-new-tokens", "5", "--seed", "4", "--stop", "compute");

        Assert.That(lines[..3].Select(Steps), Is.EqualTo(new[] { 5, 3, 5 }));
        Assert.That(lines[3].GetProperty("text").GetString(), Does.Not.Contain("to"));
        Assert.That(lines[3].GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
        Assert.That(lines.Select(line => line.GetProperty("seed").GetInt32()), Is.EqualTo(new[] { 4, 4, 9, 4 }));
        Assert.That(lines[1].GetProperty("id").GetString(), Is.EqualTo("x"));
        Assert.That(lines[2].GetProperty("id").GetInt32(), Is.EqualTo(7));
        Assert.That(lines[2].GetProperty("tokens")[0].GetProperty("soft").GetBoolean(), Is.False);
        Assert.That(PromptTokens(lines[3]), Is.GreaterThan(PromptTokens(lines[0])));
        Assert.That(lines[3].GetProperty("tokens")[0].GetProperty("top_log_probs").GetArrayLength(), Is.EqualTo(2));
        Assert.That(lines[3].GetProperty("tokens")[0].GetProperty("log_prob").GetDouble(), Is.LessThan(0));
        Assert.That(lines[0].GetProperty("tokens")[0].TryGetProperty("log_prob", out _), Is.False);
    }

    [TestCase("{bad", "the text is broken JSON at column 2")]
    [TestCase("[1]", "the request is not a JSON object")]
    [TestCase("{}", "\"prompt\" or \"messages\" is missing")]
    [TestCase("""{"prompt": ""}""", "the prompt is empty")]
    [TestCase("""{"prompt": 3}""", "prompt must be text, not 3")]
    [TestCase("""{"prompt": "\ud800"}""", "prompt must be Unicode text")]
    [TestCase("""{"prompt": "x", "\ud800": 1}""", "the text is broken JSON: a key is not valid Unicode (half of a surrogate pair), at column 17")]
    [TestCase("""{"prompt": "x", "top_p": 1, "top_p": 1}""", "the text is broken JSON: the key 'top_p' occurs twice (a duplicate), at column 29")]
    [TestCase("""{"prompt": "x", "top_p": NaN}""", "top_p must be above 0, at most 1, not NaN")]
    [TestCase("""{"prompt": "x", "think_end_str": ""}""", "think_end_str must not be empty")]
    [TestCase("""{"prompt": "x", "id": NaN}""", "id must be text, not NaN")]
    [TestCase("""{"prompt": "x", "temprature": 1}""", "unknown key \"temprature\"")]
    [TestCase("""{"prompt": "x", "top_p": 2}""", "top_p must be above 0, at most 1, not 2")]
    [TestCase("""{"prompt": "x", "top_p": "0.5"}""", "top_p must be a number, not \"0.5\"")]
    [TestCase("""{"prompt": "x", "seed": -1}""", "seed must be a whole number from 0 to 18446744073709551615, not -1")]
    [TestCase("""{"prompt": "x", "samples": 0}""", "samples must be 1 to 256, not 0")]
    [TestCase("""{"prompt": "x", "stop": ["a", ""]}""", "stop must be at most 16, none empty")]
    [TestCase("""{"prompt": "x", "no_soft_thinking": 1}""", "no_soft_thinking must be true or false, not 1")]
    [TestCase("""{"prompt": "x", "id": [1]}""", "id must be text or a number, not [1]")]
    [TestCase("""{"prompt": "x", "strategy": "swireasoning", "max_topk": 1024}""", "max_topk is 1024; the strategy swireasoning mixes at most 1023")]
    [TestCase("""{"prompt": "x", "deer": true, "deer_probe_text": ""}""", "deer_probe_text is empty; a probe needs a text")]
    [TestCase("""{"prompt": "x", "beta": 1}""", "beta is not a parameter of soft, but of mixture-of-inputs")]
    [TestCase("""{"prompt": "x", "think_end_str": "a marker of far more than sixteen tokens of this small vocabulary"}""", "must be 1 to 16")]
    public void ABadLineIsAnErrorOfItsOwn(string bad, string error)
    {
        CliRun run = Run($"{{\"prompt\": \"1 + 1\"}}\n\n{bad}\n{{\"prompt\": \"2 + 2\"}}\n", "--max-new-tokens", "2");
        JsonElement[] lines = run.JsonLines;

        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(lines.Select(line => line.GetProperty("line").GetInt32()), Is.EqualTo(new[] { 1, 3, 4 }), "an empty line counts, and gives nothing");
        Assert.That(lines[1].GetProperty("error").GetString(), Does.StartWith(error).Or.EndWith(error));
        Assert.That((Steps(lines[0]), Steps(lines[2])), Is.EqualTo((2, 2)));
    }

    [Test]
    public void ATooLongPromptIsAnErrorOfItsOwn()
    {
        string longPrompt = string.Concat(Enumerable.Repeat("1 + ", 600));
        CliRun run = Run($"{{\"id\": \"long\", \"prompt\": \"{longPrompt}\"}}\n{{\"prompt\": \"1 + 1\"}}", "--max-new-tokens", "2");
        JsonElement[] lines = run.JsonLines;

        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(lines[0].GetProperty("error").GetString(), Does.Contain("context of 1024"));
        Assert.That(lines[0].GetProperty("id").GetString(), Is.EqualTo("long"));
        Assert.That(Steps(lines[1]), Is.EqualTo(2));
    }

    [Test]
    public void SamplesEqualThoseOfTheirSeeds()
    {
        string[] options = ["--no-soft-thinking", "--after-thinking-temperature", "1"];
        JsonElement[] samples = CliRun.Ask([.. options, "--samples", "3", "--seed", "5"]).JsonLines;
        JsonElement[] fromFile = Ask([$$"""{"prompt": "{{CliRun.Question}}", "samples": 3, "seed": 5}"""], options);

        Assert.That(samples.Select(sample => sample.GetProperty("sample").GetInt32()), Is.EqualTo(new[] { 0, 1, 2 }));
        for (int i = 0; i < 3; i++)
        {
            JsonElement alone = CliRun.Ask([.. options, "--seed", $"{5 + i}"]).Json;
            Assert.That(samples[i].GetProperty("tokens").GetRawText(), Is.EqualTo(alone.GetProperty("tokens").GetRawText()));
            Assert.That(samples[i].GetProperty("seed").GetRawText(), Is.EqualTo(alone.GetProperty("seed").GetRawText()));
            Assert.That(fromFile[i].GetProperty("tokens").GetRawText(), Is.EqualTo(alone.GetProperty("tokens").GetRawText()));
        }
    }

    [Test]
    public void AStopTextEndsTheOutput()
    {
        JsonElement stopped = CliRun.Ask("--stop", "nothing", "--stop", " compute", "--stop-in-thinking").Json;

        Assert.That(stopped.GetProperty("text").GetString(), Does.EndWith(" to").And.Not.Contain("compute"));
        Assert.That(stopped.GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
        Assert.That(stopped.GetProperty("stop_string").GetString(), Is.EqualTo(" compute"));
        Assert.That(CliRun.Ask("--stop", " compute").Json.GetProperty("text").GetString(), Does.Contain("compute"), "in the thought");
    }

    [Test]
    public void FilesAreReadAndMissingOnesAreAnError()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "{\"prompt\": \"1 + 1\"}\r\n{\"prompt\": \"2 + 2\"}");
            CliRun run = CliRun.Of("generate", "--prompts", file, "--max-new-tokens", "1");
            Assert.That(run.JsonLines, Has.Length.EqualTo(2), run.Error);
        }
        finally
        {
            File.Delete(file);
        }
        CliRun missing = CliRun.Of("generate", "--prompts", file);
        Assert.That((missing.Code, missing.Out), Is.EqualTo((1, "")));
        Assert.That(missing.Error, Does.StartWith("error: --prompts: ").And.Contain(file));
    }

    [TestCase("")]
    [TestCase("\n \r\n\t\n")]
    public void NoQuestionsAreAnError(string input) => Assert.That(Run(input, "--max-new-tokens", "1"),
        Is.EqualTo(new CliRun(1, "", "error: --prompts: standard input holds no questions\n")));

    [Test]
    public void AnAnswerIsPrintedBeforeTheNextQuestionIsThere()
    {
        using SignallingWriter output = new();
        using StringWriter error = new();
        using DependentStream input = new(output, "{\"prompt\": \"1 + 1\"}\n", "{\"prompt\": \"2 + 2\"}\n");
        CliRun run = CliRun.RunOn(input, output, error, ["generate", "--prompts", "-", "--max-new-tokens", "2"]);

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(input.WaitedInVain, Is.False);
        Assert.That(run.JsonLines, Has.Length.EqualTo(2));
    }

    [Test]
    public void AnInterruptedRunKeepsTheAnswersItHas()
    {
        using CancellationTokenSource cancellation = new();
        using SignallingWriter output = new() { OnLine = cancellation.Cancel };
        using StringWriter error = new();
        using TempFolder folder = new();
        const int Asked = 500;
        string input = string.Concat(Enumerable.Repeat($"{{\"prompt\": \"{CliRun.Question}\"}}\n", Asked));
        CliRun run = CliRun.Run(input, output, error, ["generate", "--prompts", "-", "--batch", "2", "--record", folder.File("records")], cancellation: cancellation.Token);

        Assert.That(run.Code, Is.EqualTo(130), run.Error);
        Assert.That(run.JsonLines, Has.Length.InRange(1, Asked / 2));
        Assert.That(run.JsonLines.Select(line => line.GetProperty("finish_reason").GetString()), Is.All.EqualTo("stop"));
        Assert.That(RecordFile.Read(folder.File("records")).Samples.Select(sample => sample.Request),
            Is.EqualTo(run.JsonLines.Select(line => line.GetProperty("line").GetInt32())), "those that are printed are recorded");
    }

    [Test]
    public void ABrokenPipeEndsTheRunQuietly()
    {
        string input = string.Concat(Enumerable.Repeat($"{{\"prompt\": \"{CliRun.Question}\"}}\n", 200));
        using BrokenWriter output = new();
        using StringWriter error = new();
        CliRun run = CliRun.Run(input, output, error, ["generate", "--prompts", "-"]);

        Assert.That((run.Code, run.Error), Is.EqualTo((0, "")));
    }

    private static CliRun Run(string input, params string[] options) => CliRun.With(input, ["generate", "--prompts", "-", .. options]);

    private static JsonElement[] Ask(IEnumerable<string> lines, params string[] options)
    {
        CliRun run = Run(string.Join('\n', lines), options);
        Assert.That(run.Code, Is.Zero, run.Out + run.Error);
        return run.JsonLines;
    }

    private static IEnumerable<string> Names(JsonElement json) => json.EnumerateObject().Select(property => property.Name);

    private static int Steps(JsonElement json) => json.GetProperty("tokens").GetArrayLength();

    private static int PromptTokens(JsonElement json) => json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();

    /// <summary>Signals each line.</summary>
    private sealed class SignallingWriter : StringWriter
    {
        public ManualResetEventSlim Written { get; } = new();

        public Action OnLine { get; init; } = () => { };

        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            Written.Set();
            OnLine();
        }
    }

    /// <summary>Returns its second line when the first one has been answered.</summary>
    private sealed class DependentStream(SignallingWriter answers, params string[] lines) : MemoryStream
    {
        private int _returned;

        public bool WaitedInVain { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_returned == 1)
                WaitedInVain = !answers.Written.Wait(CliProcess.Limit);
            return _returned < lines.Length ? Encoding.UTF8.GetBytes(lines[_returned++], buffer.AsSpan(offset, count)) : 0;
        }
    }

    /// <summary>A pipe that its reader has closed.</summary>
    private sealed class BrokenWriter : StringWriter
    {
        private const int UnixBrokenPipe = 32;

        public override void WriteLine(string? value) => throw new IOException("broken pipe", UnixBrokenPipe);
    }
}
