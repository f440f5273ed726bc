using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Tests.Cli;

/// <summary>`generate --json` with the demonstration model: what the options do, and what the object holds.</summary>
public class GenerateTests
{
    private const string Answer = @"The answer is \boxed{113}.";

    [Test]
    public void SoftThinkingAnswersInConceptTokens()
    {
        CliRun run = CliRun.Ask();

        Assert.That(run.Code, Is.Zero, run.Error);
        JsonElement json = run.Json;
        Assert.That(json.GetProperty("answer").GetString(), Is.EqualTo(Answer));
        Assert.That(json.GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
        Assert.That(json.GetProperty("thinking_end").GetString(), Is.EqualTo("model"));
        JsonElement[] steps = Steps(json);
        Assert.That(steps.Count(step => step.GetProperty("ids").GetArrayLength() > 1), Is.GreaterThan(2));
        foreach (JsonElement step in steps)
        {
            int[] ids = [.. step.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            float[] probs = [.. step.GetProperty("probs").EnumerateArray().Select(prob => prob.GetSingle())];
            Assert.That(ids[0], Is.EqualTo(step.GetProperty("token").GetInt32()));
            Assert.That(probs, Has.Length.EqualTo(ids.Length).And.Ordered.Descending);
            Assert.That(probs.Sum(), Is.EqualTo(1).Within(1e-5));
            Assert.That(step.GetProperty("soft").GetBoolean(), Is.EqualTo(step.GetProperty("thinking").GetBoolean()));
        }
    }

    [Test]
    public void WithoutSoftThinkingEveryStepIsOneToken()
    {
        CliRun run = CliRun.Ask("--no-soft-thinking");

        Assert.That(run.Code, Is.Zero, run.Error);
        JsonElement json = run.Json;
        Assert.That(json.GetProperty("answer").GetString(), Is.EqualTo(Answer));
        Assert.That(json.GetProperty("thinking").GetString(), Does.Contain("113"));
        Assert.That(Steps(json), Has.All.Matches<JsonElement>(step =>
            step.GetProperty("ids").GetArrayLength() == 1 && !step.GetProperty("soft").GetBoolean()));
    }

    [Test]
    public void TheObjectHasItsShape()
    {
        JsonElement json = CliRun.Ask().Json;

        Assert.That(Names(json), Is.EqualTo(new[]
        {
            "model", "seed", "text", "thinking", "answer", "finish_reason", "stop_string", "thinking_end", "usage", "timing", "tokens",
        }));
        Assert.That(Names(json.GetProperty("usage")), Is.EqualTo(new[] { "prompt_tokens", "thinking_tokens", "completion_tokens" }));
        Assert.That(Names(json.GetProperty("timing")), Is.EqualTo(new[]
        {
            "load_ms", "prefill_ms", "decode_ms", "prefill_tokens_per_second", "decode_tokens_per_second",
        }));
        Assert.That(json.GetProperty("timing").EnumerateObject().Select(time => time.Value.GetDouble()), Has.All.GreaterThan(0));
        Assert.That(Names(Steps(json)[0]), Is.EqualTo(new[] { "token", "soft", "thinking", "marker", "entropy", "ids", "probs", "text" }));
        Assert.That(json.GetProperty("model").GetString(), Is.EqualTo("tiny-reasoner"));
        Assert.That(json.GetProperty("seed").GetUInt64(), Is.Zero);
    }

    [Test]
    public void TextsAndCountsFitTheSteps()
    {
        JsonElement json = CliRun.Ask().Json;

        JsonElement[] steps = Steps(json);
        string text = json.GetProperty("text").GetString()!;
        Assert.That(string.Concat(steps.Select(step => step.GetProperty("text").GetString())), Is.EqualTo(text));
        Assert.That(text, Is.EqualTo(json.GetProperty("thinking").GetString() + "\n</think>\n\n" + Answer));
        JsonElement usage = json.GetProperty("usage");
        Assert.That(usage.GetProperty("completion_tokens").GetInt32(), Is.EqualTo(steps.Length));
        Assert.That(usage.GetProperty("thinking_tokens").GetInt32(),
            Is.EqualTo(steps.Count(step => step.GetProperty("thinking").GetBoolean())).And.LessThan(steps.Length));
        Assert.That(usage.GetProperty("prompt_tokens").GetInt32(), Is.EqualTo(24));
    }

    [TestCase]
    [TestCase("--no-soft-thinking", "--after-thinking-temperature", "1")]
    [TestCase("--gumbel-softmax-temperature", "1", "--temperature", "1", "--kv-dtype", "f32")]
    public void TheSameSeedProducesTheSameBits(params string[] options)
    {
        string[] all = [.. options, "--seed", "11"];
        string one = Bits(CliRun.Ask([.. all, "--threads", "1"]));

        Assert.That(Bits(CliRun.Ask([.. all, "--threads", "2"])), Is.EqualTo(one));
        Assert.That(Bits(CliRun.Ask([.. all, "--threads", "2"])), Is.EqualTo(one));
    }

    [Test]
    public void AnotherSeedProducesAnotherDraw()
    {
        string[] options = ["--gumbel-softmax-temperature", "1", "--temperature", "1"];

        Assert.That(Bits(CliRun.Ask([.. options, "--seed", "1"])), Is.Not.EqualTo(Bits(CliRun.Ask([.. options, "--seed", "2"]))));
    }

    [Test]
    public void LimitOfTokensEndsTheRun()
    {
        JsonElement json = CliRun.Ask("--max-new-tokens", "5").Json;

        Assert.That(json.GetProperty("finish_reason").GetString(), Is.EqualTo("length"));
        Assert.That(json.GetProperty("thinking_end").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(Steps(json), Has.Length.EqualTo(5));
    }

    [Test]
    public void LimitOfThoughtsEndsTheThinking()
    {
        JsonElement json = CliRun.Ask("--max-thinking-tokens", "3", "--think-end-text", "\n\nThe answer").Json;

        Assert.That(json.GetProperty("thinking_end").GetString(), Is.EqualTo("budget"));
        Assert.That(json.GetProperty("usage").GetProperty("thinking_tokens").GetInt32(), Is.EqualTo(4));
        Assert.That(json.GetProperty("answer").GetString(), Does.StartWith("The answer"));
    }

    [Test]
    public void CertaintyEndsTheThinkingAndTheAnswer()
    {
        string[] options = ["--early-stopping-entropy-threshold", "1000", "--early-stopping-length-threshold", "4"];
        JsonElement thinking = CliRun.Ask(options).Json;
        JsonElement both = CliRun.Ask([.. options, "--cold-stop-after-thinking"]).Json;

        Assert.That(thinking.GetProperty("thinking_end").GetString(), Is.EqualTo("cold_stop"));
        Assert.That(thinking.GetProperty("usage").GetProperty("thinking_tokens").GetInt32(), Is.EqualTo(4));
        Assert.That(thinking.GetProperty("finish_reason").GetString(), Is.Not.EqualTo("cold_stop"));
        Assert.That(both.GetProperty("finish_reason").GetString(), Is.EqualTo("cold_stop"));
        Assert.That(Steps(both), Has.Length.EqualTo(8));
    }

    [Test]
    public void TheQuestionComesFromAnOptionAFileOrStandardInput()
    {
        string expected = Bits(CliRun.Ask());
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, CliRun.Question + "\n");
            Assert.That(Bits(CliRun.Of("generate", "--json", "--prompt-file", file)), Is.EqualTo(expected));
            Assert.That(Bits(CliRun.With(CliRun.Question + "\r\n", "generate", "--json")), Is.EqualTo(expected));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Test]
    public void RawPromptsSkipTheTemplate()
    {
        string prompt = $"<|im_start|>user\n{CliRun.Question}<|im_end|>\n<|im_start|>assistant\n<think>\n";

        Assert.That(Bits(CliRun.Of("generate", "--json", "--raw", "--prompt", prompt)), Is.EqualTo(Bits(CliRun.Ask())));
        Assert.That(PromptTokens(CliRun.Of("generate", "--json", "--raw", "--prompt", "7", "--max-new-tokens", "1")), Is.EqualTo(1));
    }

    [Test]
    public void SystemTextPrecedesTheQuestion() =>
        Assert.That(PromptTokens(CliRun.Ask("--system", "Be brief.")), Is.GreaterThan(PromptTokens(CliRun.Ask())));

    [Test]
    public void TraceHoldsTheSteps()
    {
        string file = Path.GetTempFileName();
        try
        {
            CliRun run = CliRun.Ask("--trace", file);
            JsonElement[] lines = [.. File.ReadLines(file).Select(line => JsonElement.Parse(line))];

            Assert.That(Names(lines[0]), Is.EqualTo(new[] { "index", "token", "soft", "thinking", "marker", "entropy", "ids", "probs", "text" }));
            Assert.That(lines.Select(line => line.GetProperty("index").GetInt32()), Is.EqualTo(Enumerable.Range(0, lines.Length)));
            Assert.That(lines.Select(line => $"{{{line.GetRawText()[(line.GetRawText().IndexOf(',') + 1)..]}"),
                Is.EqualTo(Steps(run.Json).Select(step => step.GetRawText())));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static JsonElement[] Steps(JsonElement json) => [.. json.GetProperty("tokens").EnumerateArray()];

    private static string[] Names(JsonElement json) => [.. json.EnumerateObject().Select(property => property.Name)];

    private static int PromptTokens(CliRun run) => run.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();

    /// <summary>All that a run generated: numbers are written so that they read back as the same bits.</summary>
    private static string Bits(CliRun run)
    {
        Assert.That(run.Code, Is.Zero, run.Error);
        return run.Json.GetProperty("tokens").GetRawText();
    }
}
