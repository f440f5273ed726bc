using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Tests.Reporting;
using SoftThinking.Evaluation.Tests.Runs;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Evaluation.Tests.Results;

public class RunDirectoryTests
{
    private static readonly RunManifest Manifest = Sums.Manifest(Sums.Plan(10));
    private TempFolder _folder = null!;
    private string _path = null!;

    [SetUp]
    public void CreateFolder()
    {
        _folder = new TempFolder();
        _path = _folder.File("run");
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void ARun_IsResumedByTheSameQuestionAlone()
    {
        using (RunDirectory directory = RunDirectory.Open(_path, Manifest, resume: true))
        {
            Assert.That(directory.Resumed, Is.False);
            directory.Logs[1].Append(Example.Item(4, Example.Sample(true)));
        }
        Assert.That(Refusal(Manifest, resume: false), Is.EqualTo($"{_path} holds a run: --resume continues it, another --output-dir starts a new one"));
        using (RunDirectory directory = RunDirectory.Open(_path, Manifest, resume: true))
        {
            Assert.That(directory.Resumed, Is.True);
            Assert.That(directory.Logs.Select(log => log.Items.Count), Is.EqualTo(new[] { 0, 1 }));
            Assert.That(Refusal(Manifest), Is.EqualTo($"another process writes to the run in {_path}"));
            Assert.That(RunDirectory.Read(_path).Runs[1].Items, Has.Count.EqualTo(1), "a reader meanwhile");
        }
    }

    public static IEnumerable<TestCaseData> OtherQuestions()
    {
        yield return Case(Manifest with { Version = "2.0.0" }, "it is of version 1.0.0, this is 2.0.0");
        yield return Case(Manifest with { Model = "other" }, "the model was model, not other");
        yield return Case(Manifest with { DatasetSha256 = "11" }, "the data set was another version of sums");
        yield return Case(Manifest with { StartIndex = 1 }, "the items were 0 to 10, not 1 to 10");
        yield return Case(Manifest with { EndIndex = 9 }, "the items were 0 to 10, not 0 to 9");
        yield return Case(Manifest with { Samples = 3 }, "the number of samples was 2, not 3");
        yield return Case(Manifest with { OptionSeed = 0 }, "the options were shown in another order");
        yield return Case(Manifest with { Common = new Dictionary<string, string> { ["max_new_tokens"] = "5" } }, "max_new_tokens was 100, now it is 5");
        yield return Case(Manifest with { Common = new Dictionary<string, string>() }, "max_new_tokens was 100, now it is not set");
        yield return Case(Manifest with { Runs = [Manifest.Runs[0]] }, "the settings were soft-seed0, cot-seed0, not soft-seed0");
        yield return Case(Manifest with { Runs = [Manifest.Runs[0], Manifest.Runs[1] with { Seed = 5 }] }, "the settings were soft-seed0, cot-seed0, not soft-seed0, cot-seed5");
        yield return Case(
            Manifest with { Runs = [Manifest.Runs[0], Manifest.Runs[1] with { Options = new Dictionary<string, string> { ["max_topk"] = "5" } }] },
            "cot: max_topk was 10, now it is 5");
        static TestCaseData Case(RunManifest manifest, string difference) => new TestCaseData(manifest, difference).SetArgDisplayNames(difference);
    }

    [TestCaseSource(nameof(OtherQuestions))]
    public void AnotherQuestion_IsRefusedWithWhatDiffers(RunManifest manifest, string difference)
    {
        RunDirectory.Open(_path, Manifest, resume: false).Dispose();
        Assert.That(Refusal(manifest), Is.EqualTo($"{_path} holds a run of another question: {difference}"));
        RunDirectory.Open(_path, Manifest, resume: true).Dispose();
    }

    [Test]
    public void LogsWithoutTheirQuestion_AreRefused()
    {
        RunDirectory.Open(_path, Manifest, resume: false).Dispose();
        File.Delete(Path.Combine(_path, "run.json"));
        Assert.That(Refusal(Manifest, resume: false), Does.Contain("soft-seed0.jsonl").And.Contain("run.json does not exist"));
    }

    [TestCase("", "not valid JSON")]
    [TestCase("null", "does not describe a run")]
    [TestCase("{}", "does not describe a run")]
    [TestCase("\"runs\": [", "\"runs\": [null,", "does not describe a run")]
    [TestCase("\"soft\"", "\"../../soft\"", "does not describe a run")]
    [TestCase("\"cot\"", "\"soft\"", "does not describe a run")]
    [TestCase("\"100\"", "null", "does not describe a run")]
    [TestCase("\"10\"", "null", "does not describe a run")]
    [TestCase("\"samples\": 2", "\"samples\": 2, \"samples\": 3", "\"samples\" stands twice")]
    [TestCase("\"samples\": 2", "\"samples\": \"\\ud800\"", "\"samples\" must be Unicode text")]
    public void ABrokenQuestion_IsNamed(params string[] words)
    {
        RunDirectory.Open(_path, Manifest, resume: false).Dispose();
        string file = Path.Combine(_path, "run.json"), text = File.ReadAllText(file);
        Assert.That(words.Length == 2 || text.Contains(words[0], StringComparison.Ordinal), text);
        File.WriteAllText(file, words.Length == 2 ? words[0] : text.Replace(words[0], words[1], StringComparison.Ordinal));
        Assert.Multiple(() =>
        {
            Assert.That(Refusal(Manifest), Does.StartWith(file).And.Contain(words[^1]));
            Assert.That(Assert.Throws<IOException>(() => RunDirectory.Read(_path))!.Message, Does.StartWith(file).And.Contain(words[^1]));
        });
    }

    [Test]
    public void ADirectoryWithoutARun_IsNamed() => Assert.That(
        Assert.Throws<IOException>(() => RunDirectory.Read(_path))!.Message, Is.EqualTo($"{_path} holds no run: run.json does not exist"));

    [Test]
    public void PublishedFiles_HaveThePublishedKeysAndValues()
    {
        using RunDirectory directory = RunDirectory.Open(_path, Manifest, resume: false);
        Fill(directory.Logs[0]);
        directory.Finish(1800);
        AssertEqual(Json("soft-seed0_statistics.json"),
            """
            {
              "total_num": 2, "pass@1": 0.25, "avg_token_length-all": 7.5, "avg_token_length-correct": 10, "time_taken/h": 0.5,
              "all_idx": { "2": 0.5, "5": 0 }
            }
            """);
        AssertEqual(Json("soft-seed0.json")[0]!,
            """
            {
              "hyperparams": "max_new_tokens=100, max_topk=10, seed=0", "prompt": "Question 2",
              "completion": ["2 + 3\n</think>\n\nThe answer is 5.", "2 + 3"], "ground_truth": "5",
              "generated_tokens": [12, 8], "avg_generated_tokens": 10, "time": 0, "idx": 2, "n": 2, "finish_generation": [true, false],
              "judge_info": [
                { "rule_judge_result": true, "llm_judge_result": null, "finally_judge_result": true, "outcome": "correct", "rule": "rational", "answer": "5", "note": null },
                { "rule_judge_result": false, "llm_judge_result": null, "finally_judge_result": false, "outcome": "no_answer", "rule": "open thought", "answer": null, "note": null }
              ],
              "passat1": 0.5, "passat1_list": [1, 0], "seeds": [0, 1], "thinking_tokens": [8, 8], "answer_tokens": [4, 0],
              "thinking_end": ["model", null], "mixtures": [null, 3], "mean_entropy": [null, 0.25], "error": [null, null],
              "option_order": "BADC", "groups": { "terms": "2" }
            }
            """);
        JsonNode judged = Json("soft-seed0.json")[1]!["judge_info"]!;
        Assert.Multiple(() =>
        {
            Assert.That((bool?)judged[0]!["llm_judge_result"], Is.Null, "a judge without a verdict says neither yes nor no");
            Assert.That((string)judged[0]!["outcome"]!, Is.EqualTo("undecided"));
            Assert.That((string)judged[0]!["note"]!, Is.EqualTo("nonsense"));
            Assert.That((bool?)judged[1]!["llm_judge_result"], Is.False);
            Assert.That((string)judged[1]!["outcome"]!, Is.EqualTo("wrong"));
        });
    }

    [Test]
    public void FinishingTwice_WritesTheSameBytes()
    {
        using RunDirectory directory = RunDirectory.Open(_path, Manifest, resume: false);
        Fill(directory.Logs[0]);
        directory.Finish(null);
        Dictionary<string, string> first = Sums.Published(_path);
        directory.Finish(null);
        Assert.That(Sums.Published(_path), Is.EqualTo(first));
        Assert.That(first.Keys, Is.EquivalentTo(new[] { "soft-seed0.json", "soft-seed0_statistics.json", "cot-seed0.json", "cot-seed0_statistics.json" }));
        Assert.That(first["cot-seed0.json"], Is.EqualTo("[]"));
        AssertEqual(Json("cot-seed0_statistics.json"),
            """{ "total_num": 0, "pass@1": 0, "avg_token_length-all": 0, "avg_token_length-correct": null, "time_taken/h": null, "all_idx": {} }""");
        Assert.That(Directory.GetFiles(_path, "*.tmp"), Is.Empty);
    }

    [Test]
    public void ItemsOutsideTheRange_DoNotCount()
    {
        using RunDirectory directory = RunDirectory.Open(_path, Manifest with { StartIndex = 3, EndIndex = 5 }, resume: false);
        Fill(directory.Logs[0]);
        directory.Finish(null);
        Assert.That(directory.Results().Runs[0].Items, Is.Empty);
        Assert.That(Sums.Published(_path)["soft-seed0.json"], Is.EqualTo("[]"));
    }

    private static void Fill(ResultLog log)
    {
        SampleResult right = Example.Sample(true, tokens: 12);
        log.Append(Example.Item(5,
            Example.Sample(false, "6", tokens: 5) with { ModelVerdict = new Verdict(Outcome.Undecided, "model") { Note = "nonsense" } },
            Example.Sample(false, "6", tokens: 5, seed: 1) with { ModelVerdict = new Verdict(Outcome.Wrong, "model") }));
        log.Append(Example.Item(2, right, right with
        {
            Seed = 1,
            Answer = "",
            AnswerTokens = 0,
            FinishReason = "length",
            ThinkingEnd = null,
            Mixtures = 3,
            MeanEntropy = 0.25,
            Verdict = new Verdict(Outcome.NoAnswer, "open thought"),
        }) with
        {
            OptionOrder = "BADC",
            Groups = new Dictionary<string, string> { ["terms"] = "2" },
        });
    }

    private string Refusal(RunManifest manifest, bool resume = true) =>
        Assert.Throws<IOException>(() => RunDirectory.Open(_path, manifest, resume).Dispose())!.Message;

    private static void AssertEqual(JsonNode found, string expected) =>
        Assert.That(found.ToJsonString(), Is.EqualTo(JsonNode.Parse(expected)!.ToJsonString()));

    private JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(_path, file)))!;
}
