using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Server;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`eval --endpoint` with the project's own server.</summary>
public class EvalEndpointTests
{
    /// <summary>What only an engine of this process reports.</summary>
    private static readonly string[] NotOnTheWire = ["mixtures", "mean_entropy"];

    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task TheServerAnswersAsTheEngineDoes()
    {
        string model = Path.Combine(TestData.RepositoryRoot, "models", "graded-reasoner");
        await using SoftThinkingServer server = new(new ServerOptions { ModelName = "graded-reasoner", Port = 0 },
            (_, cancellation) => Engine.LoadAsync(model, new EngineOptions { Threads = 2 }, cancellation));
        await server.StartAsync();
        await server.Loaded;
        string[] settings =
        [
            "soft", "cot", "greedy", "noisy=soft:temperature=1.3,gumbel_softmax_temperature=0.7,max_topk=5", "short=soft:max_thinking_tokens=30",
            "cold=soft:early_stopping_entropy_threshold=5,early_stopping_length_threshold=20",
        ];
        string[] arguments =
        [
            "eval", "--end-idx", "3", "--num-samples", "2", "--seed", "7", "--trace-items", "0", "--max-new-tokens", "300", "--system", "Be brief.",
            "--compare", .. settings,
        ];
        string own = _folder.File("own"), served = _folder.File("served");

        CliRun ofEngine = CliRun.Of([.. arguments, "--output-dir", own]);
        CliRun ofServer = CliRun.Of([.. arguments, "--output-dir", served, "--endpoint", server.Address.ToString()]);

        Assert.That((ofEngine.Code, ofServer.Code), Is.EqualTo((0, 0)), ofEngine.Error + ofServer.Error);
        foreach (string setting in settings.Select(text => text.Split('=')[0]))
        {
            JsonNode[] expected = Items(own, setting);
            Assert.That(Items(served, setting), Is.EqualTo(expected).Using<JsonNode>(JsonNode.DeepEquals), setting);
            Assert.That(expected, Has.Length.EqualTo(3));
            if (setting is "short" or "cold")
                Assert.That(Samples(expected).Select(sample => (string?)sample["thinking_end"]), Has.Some.EqualTo(setting == "short" ? "budget" : "cold_stop"));
        }
    }

    private static JsonNode[] Items(string folder, string setting)
    {
        string[] lines = File.ReadAllLines(Path.Combine(folder, $"{setting}-seed7.jsonl"));
        JsonNode[] items = [.. lines.Select(line => JsonNode.Parse(line)!).OrderBy(item => (int)item["index"]!)];
        foreach (JsonNode sample in Samples(items))
        {
            foreach (string field in NotOnTheWire)
                sample.AsObject().Remove(field);
        }
        return items;
    }

    private static IEnumerable<JsonNode> Samples(IEnumerable<JsonNode> items) => items.SelectMany(item => item["samples"]!.AsArray()).Select(sample => sample!);
}
