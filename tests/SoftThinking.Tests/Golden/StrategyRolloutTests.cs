using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Tests.Golden;

/// <summary>Whole generations of every strategy and early exit, against float64.</summary>
[Category("Golden")]
public class StrategyRolloutTests
{
    private static string? Folder => TestData.FindGolden("strategies");

    private static IEnumerable<TestCaseData> Rollouts() =>
        from path in Folder == null ? [] : Files("rollouts").Concat(Files("exits"))
        where !Path.GetFileName(path).StartsWith("arithmetic-", StringComparison.Ordinal) // the device's, which native tests check
        from device in TestDevice.All
        let name = Path.GetRelativePath(Folder!, path)
        select new TestCaseData(name, device);

    private static IEnumerable<string> Files(string folder) => Directory.EnumerateFiles(Path.Combine(Folder!, folder), "*.safetensors").Order();

    [Test]
    public void RolloutsAreThere()
    {
        if (Folder == null)
            Assert.Ignore("no golden strategies: tests/data/strategies, or SOFTTHINKING_GOLDEN/strategies");
        Assert.That(Rollouts().Count(), Is.GreaterThan(0));
    }

    /// <summary>With the exact cache: the rounding of bf16 moves these flat random distributions to other tokens.</summary>
    [TestCaseSource(nameof(Rollouts))]
    public async Task Rollout(string name, TestDevice device)
    {
        using GoldenFile expected = new(Path.Combine(Folder!, name));
        using JsonDocument parameters = JsonDocument.Parse(expected.Metadata["parameters"]);
        string model = Path.Combine(TestData.FindGolden("forward")!, parameters.RootElement.GetProperty("checkpoint").GetString()!);
        await using Engine engine = Engine.Load(model, device.Options() with { KvDtype = KvDtype.F32, MaxSequences = 2, MaxTopk = 1024 });
        int[] tokens = expected.Read<int>("token");
        GenerationRequest request = new()
        {
            Prompt = new TokenPrompt([.. expected.Read<int>("prompt").Select(id => new ConceptToken(id))]),
            Sampling = new StrategyParameters(parameters.RootElement, engine).Options,
            Thinking = ThinkingStart.Open,
            // A sample that ends before its limit shows that it does.
            MaxNewTokens = parameters.RootElement.TryGetProperty("max_tokens", out JsonElement most) ? most.GetInt32() : 60,
            IgnoreEndOfText = true,
            Record = true,
        };
        GeneratedSample sample = (await engine.GenerateAsync(request)).Samples[0];
        ExpectedSteps steps = new(expected);
        for (int step = 0; step < Math.Min(tokens.Length, sample.Tokens.Count); step++)
            steps.Check(sample.Tokens[step], step);
        Assert.That(sample.Tokens, Has.Count.EqualTo(tokens.Length));
        Assert.That(sample.FinishReason, Is.EqualTo(expected.Read<byte>("finished")[^1] == 2 ? FinishReason.LowConfidence : FinishReason.Length));
    }
}
