using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Tests.Endpoints;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`eval` and `report` on the included model.</summary>
public class EvalTests
{
    private const string Code = """
        [{"prompt": [{"from": "user", "value": "def f():\n    \"\"\"Return 1.\"\"\"\n"}],
          "final_answer": {"task_id": "t/0", "entry_point": "f", "test": "def check(f):\n    assert f() == 1\n", "canonical_solution": "    return 1\n"}}]
        """;

    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void TheIncludedProblemsAreEvaluatedWithoutAnyOption()
    {
        CliRun run = CliRun.Of("eval", "--end-idx", "5", "--output-dir", _folder.File("out"), "--json");

        Assert.That(run.Code, Is.Zero, run.Error);
        JsonElement setting = run.Json.GetProperty("settings")[0];
        Assert.That(run.Json.GetProperty("model").GetString(), Is.EqualTo("graded-reasoner"));
        Assert.That(run.Json.GetProperty("dataset").GetString(), Is.EqualTo("graded"));
        Assert.That(setting.GetProperty("setting").GetString(), Is.EqualTo("soft"));
        Assert.That(setting.GetProperty("items").GetInt32(), Is.EqualTo(5));
        Assert.That(setting.GetProperty("accuracy").GetProperty("value").GetDouble(), Is.InRange(0.4, 1));
        Assert.That(setting.GetProperty("mixtures").GetDouble(), Is.GreaterThan(1));
        Assert.That(setting.GetProperty("groups").GetProperty("terms").EnumerateObject().Select(group => group.Name),
            Is.EqualTo(new[] { "2", "3", "4", "5", "6" }));
    }

    [Test]
    public void SettingsAreComparedOnTheSameItemsAndReported()
    {
        string output = _folder.File("out");
        CliRun run = CliRun.Of("eval", "--end-idx", "6", "--num-samples", "2", "--repeat-seeds", "2", "--compare", "soft", "hot=cot:after_thinking_temperature=1.5",
            "--output-dir", output);
        CliRun report = CliRun.Of("report", output);

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.Contain("soft").And.Contain("hot").And.Contain("majority").And.Contain("can be excluded"));
        Assert.That(report.Code, Is.Zero, report.Error);
        Assert.That(File.ReadAllText(Path.Combine(output, "report.html")), Does.Contain("<svg").And.Contain("graded-reasoner"));
        JsonNode[] items = [.. File.ReadAllLines(Path.Combine(output, "hot-seed2.jsonl")).Select(line => JsonNode.Parse(line)!)];
        Assert.That(items.Select(item => (int)item["index"]!).Order(), Is.EqualTo(Enumerable.Range(0, 6)));
        Assert.That(items.Select(item => item["samples"]!.AsArray().Select(sample => (int)sample!["seed"]!)), Is.All.EqualTo(new[] { 2, 3 }));
    }

    /// <summary>What a killed process has finished is kept, and the rest gives what an undisturbed run gives.</summary>
    [Test]
    [Platform("Linux,MacOsX")]
    public void AKilledRunContinues()
    {
        string[] arguments = ["eval", "--end-idx", "60", "--compare", "soft", "cot", "--max-running-requests", "4"];
        string whole = _folder.File("whole"), killed = _folder.File("killed"), log = Path.Combine(killed, "cot-seed0.jsonl");
        Assert.That(CliRun.Of([.. arguments, "--output-dir", whole]).Code, Is.Zero);
        using (Process process = CliProcess.Start([.. arguments, "--output-dir", killed]))
        {
            Assert.That(() => File.Exists(log) ? ReadShared(log).Length : 0, Is.GreaterThan(0).After(60_000, 5));
            process.Kill();
            process.WaitForExit();
        }
        int kept = ReadShared(log).Count(c => c == '\n');
        Assert.That(kept, Is.InRange(1, 59));
        File.AppendAllText(log, "{\"index\":59,\"quest"); // as a crash of the machine may leave it

        CliRun resumed = CliRun.Of([.. arguments, "--output-dir", killed, "--resume"]);

        Assert.That(resumed.Code, Is.Zero, resumed.Error);
        Assert.That(resumed.Error, Does.Contain("cot-seed0.jsonl: 1 broken"));
        Assert.That(File.ReadAllLines(log).Count(line => line.Trim().Length > 0), Is.EqualTo(60));
        string[] names = ["run.json", "summary.json", "soft-seed0.json", "cot-seed0.json"];
        foreach (string name in names)
            Assert.That(File.ReadAllText(Path.Combine(killed, name)), Is.EqualTo(File.ReadAllText(Path.Combine(whole, name))), name);
        Assert.That(Statistics(killed), Is.EqualTo(Statistics(whole)));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void AnInterruptedRunSaysHowToContinue()
    {
        string output = _folder.File("out"), log = Path.Combine(output, "soft-seed0.jsonl");
        using Process process = CliProcess.Start("eval", "--num-samples", "4", "--output-dir", output);
        Assert.That(() => File.Exists(log) ? ReadShared(log).Length : 0, Is.GreaterThan(0).After(60_000, 5));
        Assert.That(Tool.Run(["kill", "-INT", $"{process.Id}"]).ExitCode, Is.Zero);
        CliRun run = CliProcess.Await(process);

        Assert.That(run.Code, Is.EqualTo(130), run.Error);
        Assert.That(run.Error, Does.Match(@"interrupted: \d+ of 500 answers are in .*; --resume continues"));
    }

    [Test]
    public void ARunIsNotOverwrittenAndContinuesOnlyWithTheSameQuestion()
    {
        string[] arguments = ["eval", "--end-idx", "2", "--output-dir", _folder.File("out")];
        Assert.That(CliRun.Of(arguments).Code, Is.Zero);

        Assert.That(CliRun.Of(arguments).Error, Does.Contain("--resume continues it"));
        CliRun other = CliRun.Of([.. arguments, "--resume", "--max-topk", "5"]);
        Assert.That((other.Code, other.Error), Is.EqualTo((1,
            $"error: {_folder.File("out")} holds a run of another question: soft: max_topk was not set, now it is 5\n")));
        Assert.That(CliRun.Of([.. arguments, "--resume"]).Code, Is.Zero);
    }

    [TestCase("error: no-such-file does not exist", 1, "--dataset", "no-such-file")]
    [TestCase("error: nowhere/math500.json does not exist; --datasets names", 1, "--dataset", "math500", "--datasets", "nowhere")]
    [TestCase("error: --compare: unknown setting 'hard'; the settings are soft, ", 2, "--compare", "hard")]
    [TestCase("error: --compare: 'soft:top_p=2': top_p must be above 0, at most 1, not 2", 2, "--compare", "soft:top_p=2")]
    [TestCase("error: --compare names 'soft' twice", 2, "--compare", "soft", "soft")]
    [TestCase("error: --start-idx 500 to --end-idx 500 holds no item", 2, "--start-idx", "500")]
    [TestCase("error: --prompt-template must contain {question}", 2, "--prompt-template", "x")]
    [TestCase("error: --judge-url and --judge-model belong together", 2, "--judge-url", "http://localhost:1")]
    [TestCase("error: --num-samples must be 1 to 256, not 0", 2, "--num-samples", "0")]
    [TestCase("error: --model-defaults, --stop-in-thinking and --thinking need a model of this process", 2, "--endpoint", "http://localhost:1", "--thinking", "open")]
    [TestCase("error: 'ftp://x' is not an http or https address", 1, "--endpoint", "ftp://x")]
    public void MistakesAreNamed(string message, int code, params string[] arguments)
    {
        CliRun run = CliRun.Of(["eval", "--output-dir", _folder.File("out"), .. arguments]);

        Assert.That(run.Error, Does.StartWith(message));
        Assert.That(run.Code, Is.EqualTo(code));
    }

    [Test]
    public void CodeRunsOnlyWithPermission()
    {
        string file = _folder.File("code.json");
        File.WriteAllText(file, Code);
        CliRun run = CliRun.Of("eval", "--dataset", file, "--output-dir", _folder.File("out"), "--max-new-tokens", "20", "--json");

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Error, Does.Contain("--allow-code-execution"));
        Assert.That(run.Json.GetProperty("settings")[0].GetProperty("outcomes").GetProperty("undecided").GetInt32(), Is.EqualTo(1));
    }

    /// <summary>The first answer is right; the second is not, and the judge says yes to it.</summary>
    [Test]
    public void ServersAnswerAndJudgeInPlaceOfAnEngine()
    {
        using StubServer server = new(request => request.Path.EndsWith("/models", StringComparison.Ordinal)
            ? new StubReply("""{"data": [{"id": "their-model"}]}""")
            : StubReply.Chat((string)request.Body["model"]! == "the-judge" ? "YES" : "<think>Hm.</think>\\boxed{77}"));
        CliRun run = CliRun.Of("eval", "--end-idx", "2", "--min-new-tokens", "3", "--output-dir", _folder.File("out"), "--json",
            "--endpoint", server.Address, "--judge-url", server.Address, "--judge-model", "the-judge");

        Assert.That(run.Code, Is.Zero, run.Error);
        JsonElement outcomes = run.Json.GetProperty("settings")[0].GetProperty("outcomes");
        Assert.That(run.Json.GetProperty("model").GetString(), Is.EqualTo("their-model"));
        Assert.That((outcomes.GetProperty("correct").GetInt32(), outcomes.GetProperty("correct_by_model").GetInt32()), Is.EqualTo((2, 1)));
        StubRequest[] asked = [.. server.Requests.Where(request => request.Body.ContainsKey("seed"))];
        Assert.That(asked.Select(request => (int)request.Body["min_tokens"]!), Is.EqualTo(new[] { 3, 3 }));
    }

    [Test]
    public void AnswersThatDidNotRunAreNotResumedWithPermission()
    {
        string file = _folder.File("code.json");
        File.WriteAllText(file, Code);
        string[] arguments = ["eval", "--dataset", file, "--output-dir", _folder.File("out"), "--max-new-tokens", "20"];
        Assert.That(CliRun.Of(arguments).Code, Is.Zero);

        Assert.That(CliRun.Of([.. arguments, "--resume", "--allow-code-execution"]).Error,
            Does.Contain("allow_code_execution was false, now it is true"));
    }

    [Test]
    public void ADirectoryWithoutARunIsNotReported()
    {
        CliRun run = CliRun.Of("report", _folder.File("none"));

        Assert.That((run.Code, run.Error), Is.EqualTo((1, $"error: {_folder.File("none")} holds no run: run.json does not exist\n")));
    }

    private static string ReadShared(string path)
    {
        using StreamReader reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    private static string Statistics(string folder)
    {
        JsonObject statistics = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "soft-seed0_statistics.json")))!.AsObject();
        statistics.Remove("time_taken/h");
        return statistics.ToJsonString();
    }
}
