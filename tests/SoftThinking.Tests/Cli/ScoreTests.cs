using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Cli;

namespace SoftThinking.Tests.Cli;

/// <summary>`score`: the log-probabilities of recorded sequences.</summary>
public class ScoreTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("softthinking-");

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    /// <summary>The tokens of an answer, scored at its temperatures, have the log-probabilities that were reported with them.</summary>
    [Test]
    public async Task AnAnswerIsScoredAsItWasGenerated()
    {
        JsonElement answer = CliRun.With(
            $$"""{"prompt": "{{CliRun.Question}}", "log_probs": 0, "max_new_tokens": 60}""", "generate", "--prompts", "-").JsonLines.Single();
        await using Engine engine = Engine.Load(TestData.TinyReasoner, TestDevice.Cpu.Options());
        string prompt = string.Join(", ", engine.Encode(GenerationRequest.FromQuestion(CliRun.Question).Prompt).Select(token => token.Token));
        string tokens = answer.GetProperty("tokens").GetRawText();
        JsonElement[] lines = Score(
            $$"""{"id": "a", "prompt_tokens": [{{prompt}}], "sampling": {"temperature": 0.5, "after_thinking_temperature": 2}, "tokens": {{tokens}}}""",
            $$"""{"prompt_tokens": [{{prompt}}], "temperature": 0.5, "tokens": {{tokens}}}""").JsonLines;

        Assert.That(lines[0].GetProperty("id").GetString(), Is.EqualTo("a"));
        JsonElement[] recorded = [.. answer.GetProperty("tokens").EnumerateArray()];
        Assert.That(recorded.Count(token => token.GetProperty("ids").GetArrayLength() > 1), Is.GreaterThan(0));
        for (int i = 0; i < recorded.Length; i++)
        {
            Assert.That(lines[0].GetProperty("token_log_p1")[i].GetRawText(), Is.EqualTo(recorded[i].GetProperty("log_prob").GetRawText()), $"token {i}");
            Assert.That(lines[0].GetProperty("log_p1")[i].GetArrayLength(), Is.EqualTo(recorded[i].GetProperty("ids").GetArrayLength()));
            bool soft = recorded[i].GetProperty("soft").GetBoolean();
            Assert.That(lines[0].GetProperty("log_pt")[i].GetRawText() == lines[1].GetProperty("log_pt")[i].GetRawText(), Is.EqualTo(soft), "T is that of thoughts or answer");
        }
        Assert.That(lines[0].TryGetProperty("log_prob", out _), Is.False, "there is no record");
    }

    [Test]
    public void RecordsGiveTheLogProbabilityOfTheStrategy()
    {
        JsonElement line = Score("""
            {"prompt_tokens": [5, 6], "sampling": {"strategy": "latent-grpo"}, "ids": [[1, 2, 3], [], [4]], "tokens": [
            {"token": 7, "soft": true, "ids": [7, 8], "probs": [0.75, 0.25], "record": {"mixed": true, "scores": [-1, -2]}},
            {"token": 9, "record": {"mixed": false, "forced": true}}, {"token": 10, "record": {}}]}
            """.ReplaceLineEndings(" ")).JsonLines.Single();

        double[] logP1 = [.. line.GetProperty("log_p1")[0].EnumerateArray().Select(value => value.GetDouble())];
        double first = Gumbel(-1 - logP1[0]), second = Gumbel(-2 - logP1[1]);
        Assert.That(line.GetProperty("log_prob")[0].GetDouble(), Is.EqualTo((first + second) / 2).Within(1e-4 * (1 + Math.Abs(first + second))));
        Assert.That(line.GetProperty("log_prob")[1].GetDouble(), Is.Zero);
        Assert.That(line.GetProperty("log_prob")[2].GetRawText(), Is.EqualTo(line.GetProperty("token_log_pt")[2].GetRawText()));
        Assert.That(line.GetProperty("ids_log_p1").EnumerateArray().Select(ids => ids.GetArrayLength()), Is.EqualTo(new[] { 3, 0, 1 }));

        static double Gumbel(double g) => -g - Math.Exp(-g);
    }

    /// <summary>What `generate --record` wrote, by the model that generated it: the bits of the record.</summary>
    [Test]
    public void AFileOfRecordsIsScoredAsRecorded()
    {
        string file = Path.Combine(_folder.FullName, "rollouts.safetensors");
        CliRun generated = CliRun.With("""
            {"prompt": "Compute 40 + 7.", "samples": 2, "strategy": "soft-grpo", "max_new_tokens": 40}
            {"prompt": "What is 12 - 5 + 8?", "strategy": "multiplex", "max_new_tokens": 30}
            """, "generate", "--prompts", "-", "--record", file);
        Assert.That(generated.Code, Is.Zero);
        JsonElement[] scores = CliRun.Of("score", "--json", file).JsonLines;

        Assert.That(scores.Select(each => (each.GetProperty("request").GetInt32(), each.GetProperty("sample").GetInt32())), Is.EqualTo(new[] { (1, 0), (1, 1), (2, 0) }));
        Assert.That(scores.Select(each => each.GetProperty("record_difference").GetDouble()), Has.All.Zero);
        Assert.That(scores.Select(each => each.GetProperty("log_prob").GetArrayLength()), Is.EqualTo(generated.JsonLines.Select(each => each.GetProperty("tokens").GetArrayLength())));
        Assert.That(CliRun.Of("score", file).Out, Does.Match(@"^request 1, sample 0: \d+ tokens, .*, mean log_prob .*, as recorded\n"));
        Assert.That(CliRun.Of("score", "--kv-dtype", "f32", file).Out, Does.Match(@", up to \d\.\de-\d from the record\n"));
    }

    [Test]
    public void PeopleGetALineForEachSequence()
    {
        CliRun run = CliRun.With("""
            {"prompt_tokens": [1], "tokens": [2, 3]}

            {"prompt_tokens": [1], "tokens": [2]}
            """, "score", "-");

        Assert.That((run.Code, run.Error), Is.EqualTo((0, "")));
        Assert.That(run.Out, Does.Match(@"^line 1: 2 tokens, ln p of those emitted -\d+\.\d+, per token -\d+\.\d+\nline 3: 1 tokens, "));
    }

    [TestCase("{bad", "the text is broken JSON at column 2")]
    [TestCase("[1]", "the sequence is not a JSON object")]
    [TestCase("{}", "\"tokens\" is missing")]
    [TestCase("""{"tokens": [1]}""", "\"prompt_tokens\" is missing")]
    [TestCase("""{"prompt_tokens": [1], "tokens": []}""", "tokens must be at least one recorded token")]
    [TestCase("""{"prompt_tokens": [], "tokens": [1]}""", "the prompt is empty")]
    [TestCase("""{"prompt_tokens": 1, "tokens": [1]}""", "prompt_tokens must be an array, not 1")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [-1]}""", "tokens[0] must be a token id, 0 or more, not -1")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [{"token": -1}]}""", "tokens[0].token must be a token id, 0 or more, not -1")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [1], "temperature": [1, 2]}""", "temperature has 2 elements for 1 recorded tokens")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [1], "ids": [[1], [2]]}""", "ids has 2 elements for 1 recorded tokens")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [{"token": 1, "record": {"mixed": true, "scores": [1, 2]}}], "sampling": {}}""",
        "tokens[0].record.scores has 2 elements for 1 entries")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [1.5]}""", "tokens[0] must be a whole number from -2147483648 to 2147483647, not 1.5")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [1, "x"]}""", "tokens[1] must be an object, not \"x\"")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [{"ids": [1], "probs": [1]}]}""", "\"tokens[0].token\" is missing")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [{"token": 1, "ids": [1]}]}""", "\"tokens[0].probs\" is missing")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [{"token": 1, "ids": [1, 2], "probs": [1]}]}""", "tokens[0]: 2 ids and 1 probs")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [{"token": 1, "ids": [1, 2], "probs": [0.5, 0.1]}]}""", "tokens[0]: ")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [1], "temperature": -1}""", "temperature must be 0, or 0.0001 to 100, not -1")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [1], "sampling": {"strategy": "x"}}""", "strategy must be ")]
    [TestCase("""{"prompt_tokens": [1], "tokens": [9999999]}""", "recorded token 0 contains id 9999999, which is outside the vocabulary")]
    public void AnInvalidLineIsAnErrorOfItsOwn(string line, string error)
    {
        CliRun run = Score(line, """{"prompt_tokens": [1], "tokens": [2]}""");

        Assert.That((run.Code, run.Error), Is.EqualTo((ExitCode.Failure, "")));
        Assert.That(run.JsonLines[0].GetProperty("error").GetString(), Does.StartWith(error));
        Assert.That(run.JsonLines[1].GetProperty("token_log_p1").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public void AnEmptyInputIsAnError()
    {
        CliRun run = CliRun.With("\n", "score", "-");
        Assert.That((run.Code, run.Error), Is.EqualTo((ExitCode.Failure, "error: FILE: standard input holds no sequences\n")));
        Assert.That(CliRun.Of("score", "-").Error, Does.StartWith("error: FILE -: standard input is a terminal"));
        Assert.That(CliRun.Of("score", "no-such-file").Error, Does.StartWith("error: FILE: "));
        Assert.That(CliRun.Of("score").Code, Is.EqualTo(ExitCode.Usage));
    }

    private static CliRun Score(params string[] lines) => CliRun.With(string.Join('\n', lines), "score", "--json", "-");
}
