using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Evaluation.Tests.Runs;

public class EvaluationRunTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    private static async Task<EvaluationRun> RunAsync(
        string path, EvaluationPlan plan, IAnswerSource source, bool resume = false, CancellationToken cancellation = default)
    {
        using RunDirectory directory = RunDirectory.Open(path, Sums.Manifest(plan), resume);
        EvaluationRun run = new(plan, directory, source, new ItemJudge(null, null));
        await run.RunAsync(cancellation);
        directory.Finish(null);
        return run;
    }

    [Test]
    public async Task EveryItem_IsAskedOnceUnderEverySetting()
    {
        FakeSource source = new();
        EvaluationPlan plan = Sums.Plan(20) with { RepeatSeeds = 2, Seed = 10, StartIndex = 3, EndIndex = 12, TracedItems = 2 };
        EvaluationRun run = await RunAsync(_folder.File("run"), plan, source);
        Assert.Multiple(() =>
        {
            Assert.That(source.Asked.Select(asked => (asked.Message, asked.Sampling.SoftThinking, asked.Sampling.Seed)), Is.EquivalentTo(
                from item in Enumerable.Range(3, 9)
                from soft in new[] { true, false }
                from seed in new ulong?[] { 10, 12 }
                select (Sums.Item(item).Question, soft, seed)));
            Assert.That(source.Asked.Where(asked => asked.Trace).Select(asked => asked.Message).Distinct(), Is.EquivalentTo(new[] { "What is 3 + 1?", "What is 4 + 1?" }));
            Assert.That((run.Progress.Done, run.Progress.Total), Is.EqualTo((36, 36)));
            Assert.That(run.Progress.Tokens, Is.EqualTo(36 * (7 + 8)));
            Assert.That(run.Progress.Left, Is.EqualTo(TimeSpan.Zero));
            Assert.That(run.Progress.Accuracies.Select(setting => setting.Setting), Is.EquivalentTo(new[] { "soft", "cot" }));
            Assert.That(run.Progress.Accuracies.Select(setting => setting.Accuracy), Is.All.EqualTo(RightOf(plan)));
        });
        EvaluationResults results = RunDirectory.Read(_folder.File("run"));
        Assert.That(results.Runs.Select(found => (found.Setting, found.Seed)), Is.EqualTo(new[] { ("soft", 10ul), ("soft", 12ul), ("cot", 10ul), ("cot", 12ul) }));
        foreach (SettingResults found in results.Runs)
        {
            Assert.That(found.Items.Select(item => item.Index), Is.EqualTo(Enumerable.Range(3, 9)));
            foreach (ItemResult item in found.Items)
            {
                Assert.That(item.Groups["parity"], Is.EqualTo(item.Index % 2 == 0 ? "even" : "odd"));
                Assert.That(item.Samples.Select(sample => sample.Correct), Is.EqualTo(item.Samples.Select(sample => ((ulong)item.Index + 1 + sample.Seed) % 4ul != 0)));
                Assert.That(item.Samples.Select(sample => sample.Trace != null), Is.EqualTo(new[] { item.Index < 5, false }), "the first sample alone");
            }
        }
    }

    private static double RightOf(EvaluationPlan plan) => (
        from item in Enumerable.Range(plan.StartIndex, plan.EndIndex - plan.StartIndex)
        from sample in Enumerable.Range(0, plan.RepeatSeeds * plan.Samples)
        select (item + 1 + (int)plan.Seed + sample) % 4 == 0 ? 0.0 : 1.0).Average();

    [Test]
    public async Task ARunThatIsCanceledAndContinued_EndsWithTheSameFiles()
    {
        EvaluationPlan plan = Sums.Plan(15);
        await RunAsync(_folder.File("whole"), plan, new FakeSource());
        string path = _folder.File("cut");
        int asked = 0, interruptions = 0;
        for (int stop = 5; ; stop += 7)
        {
            using CancellationTokenSource cancel = new();
            FakeSource source = new((request, sample) =>
            {
                if (Interlocked.Increment(ref asked) > stop)
                    cancel.Cancel();
                return FakeSource.Right(request, sample);
            });
            try
            {
                EvaluationRun run = await RunAsync(path, plan, source, resume: true, cancel.Token);
                Assert.That((run.Progress.Done, run.Progress.Total), Is.EqualTo((30, 30)));
                break;
            }
            catch (OperationCanceledException)
            {
                Assert.That(++interruptions, Is.LessThan(20));
                await File.AppendAllTextAsync(Path.Combine(path, "cot-seed0.jsonl"), "{\"index\":14,\"quest", CancellationToken.None);
            }
        }
        Assert.That(interruptions, Is.GreaterThan(2));
        Assert.That(Sums.Published(path), Is.EqualTo(Sums.Published(_folder.File("whole"))));
        Assert.That(Sums.Published(path), Has.Count.EqualTo(4));
    }

    [Test]
    public async Task SamplesThatFailed_AreUndecided_AndRunAgain()
    {
        EvaluationPlan plan = Sums.Plan(8);
        FakeSource failing = new((request, sample) => request.Message.Contains('3', StringComparison.Ordinal) && sample == 1
            ? SampleResult.Failed(request.Sampling.Seed!.Value + 1, 1, "the server is down")[0]
            : FakeSource.Right(request, sample));
        string path = _folder.File("run");
        await RunAsync(path, plan, failing);
        JsonObject item = JsonNode.Parse(Sums.Published(path)["cot-seed0.json"])!.AsArray()[3]!.AsObject();
        Assert.Multiple(() =>
        {
            Assert.That((string)item["judge_info"]![1]!["outcome"]!, Is.EqualTo("undecided"));
            Assert.That((string)item["judge_info"]![1]!["rule"]!, Is.EqualTo("error"));
            Assert.That((string)item["error"]![1]!, Is.EqualTo("the server is down"));
            Assert.That(item["error"]![0], Is.Null);
        });
        FakeSource healthy = new();
        await RunAsync(path, plan, healthy, resume: true);
        Assert.That(healthy.Asked.Select(asked => asked.Message), Is.EqualTo(new[] { "What is 3 + 1?", "What is 3 + 1?" }));
        await RunAsync(_folder.File("whole"), plan, new FakeSource());
        Assert.That(Sums.Published(path), Is.EqualTo(Sums.Published(_folder.File("whole"))));
    }

    [Test]
    public async Task NoMoreItemsThanAllowed_AreInFlight()
    {
        FakeSource source = new();
        await RunAsync(_folder.File("run"), Sums.Plan(20) with { Concurrency = 3 }, source);
        Assert.That(source.MostInFlight, Is.InRange(2, 3));
    }

    [Test]
    public async Task AFullDisk_StopsTheRun_AndKeepsWhatIsWritten()
    {
        using SmallDisk disk = new(_folder.File("disk"));
        string path = Path.Combine(disk.Path, "run");
        EvaluationPlan plan = Sums.Plan(1000);
        FakeSource source = new((request, sample) => FakeSource.Right(request, sample) with { Thinking = new string('x', 1000) });
        await Assert.ThrowsAsync<IOException>(() => RunAsync(path, plan, source));
        int kept = RunDirectory.Read(path).Runs.Sum(run => run.Items.Count);
        Assert.That(kept, Is.GreaterThan(5));
        Assert.That(source.Asked, Has.Count.InRange(kept + 1, kept + plan.Concurrency), "nothing is asked after that");
        using RunDirectory again = RunDirectory.Open(path, Sums.Manifest(plan), resume: true);
        Assert.That(again.Logs.Sum(log => log.BrokenLines), Is.Zero);
    }

    [Test]
    public async Task OptionsThatCannotBeShuffled_StopTheRunBeforeAnythingIsAsked()
    {
        FakeSource source = new();
        BenchmarkItem item = Sums.Item(9) with { Reference = "A", Choices = new Dictionary<string, string> { ["A"] = "x" } };
        EvaluationPlan plan = Sums.Plan(1) with { Dataset = new Dataset("choices", BenchmarkKind.Choice, "00", [item]), Concurrency = 1 };
        Assert.That((await Assert.ThrowsAsync<DatasetException>(() => RunAsync(_folder.File("run"), plan, source)))!.Message, Does.StartWith("item 9"));
        Assert.That(source.Asked, Is.Empty);
    }

    [Test]
    public async Task ShuffledOptions_AreJudgedAsTheyWereShown_AndRecorded()
    {
        BenchmarkItem[] items = [.. Enumerable.Range(0, 12).Select(i => new BenchmarkItem
        {
            Index = i,
            Question = "Which is right?\nA. no\nB. yes\nC. never\nD. no way",
            Reference = "B",
            Choices = new Dictionary<string, string> { ["A"] = "no", ["B"] = "yes", ["C"] = "never", ["D"] = "no way" },
        })];
        FakeSource source = new((request, _) => FakeSource.Right(request with { Message = "What is 1 + 1?" }, 0) with
        {
            Answer = $"\"answer\": \"{request.Message.Split('\n').Single(line => line.EndsWith(". yes", StringComparison.Ordinal))[0]}\"",
        });
        EvaluationPlan plan = Sums.Plan(1) with { Dataset = new Dataset("choices", BenchmarkKind.Choice, "00", items) };
        await RunAsync(_folder.File("run"), plan, source);
        EvaluationResults results = RunDirectory.Read(_folder.File("run"));
        Assert.Multiple(() =>
        {
            Assert.That(results.Runs.SelectMany(run => run.Items), Has.All.Matches<ItemResult>(item => item!.Samples.All(sample => sample.Correct)));
            Assert.That(results.Runs[0].Items.Select(item => item.OptionOrder), Is.EqualTo(items.Select(item => OptionShuffle.Order(item, 0))));
            Assert.That(results.Runs[0].Items, Has.All.Matches<ItemResult>(item => item!.Question.Contains($"\n{(string)item.Reference!}. yes")), "as shown");
            Assert.That(results.Runs[0].Items.Select(item => (string)item.Reference!).Distinct().Count(), Is.GreaterThan(1));
        });
    }
}
