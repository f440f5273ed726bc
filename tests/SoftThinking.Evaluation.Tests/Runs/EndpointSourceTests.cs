using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Endpoints;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;
using SoftThinking.Evaluation.Tests.Endpoints;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Evaluation.Tests.Runs;

/// <summary>Evaluations that servers answer.</summary>
public class EndpointSourceTests
{
    private static readonly GenerationRequest Template = new() { Prompt = new ChatPrompt([new ChatMessage("system", "Be brief.")]), MaxNewTokens = 99 };
    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    private static StubReply Answer(StubRequest request) =>
        StubReply.Chat($"<think>let me see</think> {Sums.AnswerTo(request.Message, request.Seed)}");

    private async Task<Dictionary<string, string>> RunAsync(string name, EvaluationPlan plan, ServerPoolOptions options, params string[] addresses)
    {
        string path = _folder.File(name);
        await using EndpointSource source = new(new ServerPool(addresses, options), "model", Template);
        using RunDirectory directory = RunDirectory.Open(path, Sums.Manifest(plan), resume: false);
        EvaluationRun run = new(plan, directory, source, new ItemJudge(null, null));
        await run.RunAsync(CancellationToken.None);
        directory.Finish(null);
        return Sums.Published(path);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task AServerThatDiesInTheMiddle_ChangesNoResult(bool connectionsBreak)
    {
        EvaluationPlan plan = Sums.Plan(25) with { Concurrency = 8 };
        using StubServer healthy = new(Answer);
        Dictionary<string, string> expected = await RunAsync("healthy", plan, ServerPoolTests.Fast, healthy.Address);
        healthy.Requests.Clear();
        int answered = 0;
        StubServer? dying = null;
        dying = new(request =>
        {
            if (Interlocked.Increment(ref answered) <= 10)
                return Answer(request);
            if (connectionsBreak)
                dying!.Die();
            return new StubReply("out of memory", 500);
        });
        using (dying)
        {
            Dictionary<string, string> found = await RunAsync("dying", plan, ServerPoolTests.Fast, dying.Address, healthy.Address);
            Assert.That(RunDirectory.Read(_folder.File("dying")).Runs.SelectMany(run => run.Items).SelectMany(item => item.Samples).Select(sample => sample.Error),
                Is.All.Null);
            foreach ((string name, string text) in expected)
                Assert.That(found.GetValueOrDefault(name), Is.EqualTo(text), name);
            Assert.That(found, Has.Count.EqualTo(4));
            Assert.That(dying.Requests, Has.Count.InRange(11, 10 + ServerPoolTests.Fast.MaxRequests));
            // Connections that break take answers with them that were on their way.
            Assert.That(healthy.Requests, Has.Count.InRange(100 - 10, connectionsBreak ? 100 : 100 - 10));
        }
    }

    [Test]
    public async Task WithoutAnyServer_EverySampleIsUndecided_AndTheNextRunAsksAgain()
    {
        EvaluationPlan plan = Sums.Plan(3);
        Dictionary<string, string> found = await RunAsync("run", plan, ServerPoolTests.Fast with { Retries = 1 }, StubServer.FreeAddress());
        foreach (JsonNode? item in JsonNode.Parse(found["soft-seed0.json"])!.AsArray())
        {
            Assert.That(item!["judge_info"]!.AsArray().Select(judged => (string)judged!["outcome"]!), Is.All.EqualTo("undecided"));
            Assert.That(item["error"]!.AsArray().Select(error => (string)error!), Has.All.Contains("cannot be reached"));
        }
        using RunDirectory directory = RunDirectory.Open(_folder.File("run"), Sums.Manifest(plan), resume: true);
        Assert.That(Enumerable.Range(0, 3).Select(directory.Logs[0].Has), Is.All.False);
    }

    [Test]
    public async Task AnAnswerOfNoText_IsNoAnswer()
    {
        using StubServer server = new(_ => StubReply.Chat(null));
        Dictionary<string, string> found = await RunAsync("run", Sums.Plan(1), ServerPoolTests.Fast, server.Address);
        Assert.That((string)JsonNode.Parse(found["soft-seed0.json"])![0]!["judge_info"]![0]!["outcome"]!, Is.EqualTo("no_answer"));
    }

    [Test]
    public async Task TheKey_IsSentAndWrittenNowhere()
    {
        using StubServer server = new(request => request.Seed == 0 ? Answer(request) : new StubReply("no: " + request.Authorization, 403));
        await RunAsync("run", Sums.Plan(3), ServerPoolTests.Fast with { ApiKey = "sk-secret" }, server.Address);
        Assert.That(server.Requests.Select(request => request.Authorization), Is.All.EqualTo("Bearer sk-secret"));
        string[] files = Directory.GetFiles(_folder.File("run"));
        Assert.That(files, Has.Length.EqualTo(8));
        Assert.That(files.Select(File.ReadAllText), Has.None.Contains("secret"));
    }

    [Test]
    public async Task ARequest_HasTheConversation_TheSamplingAndItsSeed()
    {
        using StubServer server = new(Answer);
        await RunAsync("run", Sums.Plan(1) with { Seed = 5 }, ServerPoolTests.Fast, server.Address);
        Assert.That(server.Requests.Select(request => request.Seed).Order(), Is.EqualTo(new ulong[] { 5, 5, 6, 6 }));
        foreach (StubRequest request in server.Requests)
        {
            bool soft = (bool)request.Body["enable_soft_thinking"]!;
            Assert.That(JsonNode.DeepEquals(request.Body["messages"],
                JsonNode.Parse("""[{"role":"system","content":"Be brief."},{"role":"user","content":"What is 0 + 1?"}]""")));
            Assert.That(((string)request.Body["model"]!, (int)request.Body["max_tokens"]!, (bool)request.Body["stream"]!), Is.EqualTo(("model", 99, false)));
            Assert.That(request.Body.ContainsKey("no_soft_thinking"), Is.False);
            Assert.That((float)request.Body["temperature"]!, Is.EqualTo(soft ? new SamplingOptions().Thinking.Temperature : new SamplingOptions().AfterThinking.Temperature));
        }
        Assert.That(server.Requests.Count(request => (bool)request.Body["enable_soft_thinking"]!), Is.EqualTo(2));
    }

    [Test]
    public async Task Samples_AreReturnedInTheOrderOfTheirSeeds()
    {
        using StubServer server = new(request =>
        {
            Thread.Sleep(request.Seed == 3 ? 30 : 1);
            return StubReply.Chat($"seed {request.Seed}");
        });
        await using EndpointSource source = new(new ServerPool([server.Address], ServerPoolTests.Fast), "model", Template);
        IReadOnlyList<SampleResult> samples = await source.AnswerAsync(new AnswerRequest("Q", new SamplingOptions { Seed = 3 }, 4, false), default);
        Assert.That(samples.Select(sample => (sample.Seed, sample.Answer)), Is.EqualTo(new[] { (3ul, "seed 3"), (4ul, "seed 4"), (5ul, "seed 5"), (6ul, "seed 6") }));
    }
}
