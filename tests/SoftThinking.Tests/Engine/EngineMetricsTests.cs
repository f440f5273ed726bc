using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>What the metrics count is what results say.</summary>
public class EngineMetricsTests
{
    private static readonly GenerationRequest Question = GenerationRequest.FromQuestion("What is 47 + 85 - 19?") with
    {
        Sampling = new SamplingOptions { Seed = 0 },
    };

    [Test]
    public async Task TokensAgreeWithResults()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        using MetricsReader metrics = new(engine);
        GenerationRequest request = Question with { Samples = 3, Sampling = Question.Sampling with { Thinking = new FilterOptions { Temperature = 1.2f } } };
        GenerationResult[] results = [await engine.GenerateAsync(request), await engine.GenerateAsync(Question)];
        GeneratedSample[] samples = [.. results.SelectMany(result => result.Samples)];
        GeneratedToken[] tokens = [.. samples.SelectMany(sample => sample.Tokens)];
        IReadOnlyDictionary<string, double> read = metrics.Read();
        Assert.Multiple(() =>
        {
            Assert.That(read["prompt_tokens"], Is.EqualTo(results.Sum(result => result.Samples[0].Usage.PromptTokens)));
            Assert.That(read["generation_tokens"], Is.EqualTo(samples.Sum(sample => sample.Usage.CompletionTokens)));
            Assert.That(read["thinking_tokens"], Is.EqualTo(samples.Sum(sample => sample.Usage.ThinkingTokens)));
            Assert.That(read["mixtures"], Is.EqualTo(tokens.Count(token => !token.Token.IsPlain)).And.GreaterThan(0));
            Assert.That(read["thinking_entropy"], Is.EqualTo(tokens.Where(token => token.Thinking).Sum(token => (double)token.Entropy)).Within(1e-9));
            Assert.That(read["prefix_cache_queries"], Is.EqualTo(samples.Sum(sample => sample.Usage.PromptTokens)));
            Assert.That(read["prefix_cache_hits"], Is.EqualTo(samples.Sum(sample => sample.Usage.CachedTokens)).And.GreaterThan(0));
            foreach (string histogram in new[] { "request_queue_time", "time_to_first_token", "e2e_request_latency" })
                Assert.That(read[histogram + ".count"], Is.EqualTo(samples.Length), histogram);
            Assert.That(read["inter_token_latency.count"], Is.EqualTo(tokens.Length - samples.Length));
            Assert.That(read["e2e_request_latency.sum"], Is.GreaterThanOrEqualTo(read["time_to_first_token.sum"]));
            Assert.That(read["num_preemptions"], Is.Zero);
        });
    }

    [TestCase(ThinkingEnd.Model, "model")]
    [TestCase(ThinkingEnd.ColdStop, "cold_stop")]
    [TestCase(ThinkingEnd.Budget, "budget")]
    public async Task ThoughtsCountByTheirEnd(ThinkingEnd end, string name)
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        using MetricsReader metrics = new(engine);
        SamplingOptions sampling = end switch
        {
            ThinkingEnd.Budget => Question.Sampling with { MaxThinkingTokens = 5 },
            ThinkingEnd.ColdStop => Question.Sampling with { EarlyStoppingEntropyThreshold = 10, EarlyStoppingLengthThreshold = 5 },
            _ => Question.Sampling with { EarlyStoppingEntropyThreshold = 0 },
        };
        GeneratedSample sample = (await engine.GenerateAsync(Question with { Sampling = sampling })).Samples[0];
        Assert.That(sample.ThinkingEnd, Is.EqualTo(end));
        Assert.That(Nonzero(metrics, "thinking_ends."), Is.EqualTo(new[] { (name, 1) }));
    }

    /// <summary>A marker is known to be one only with its last token, but all of them belong to the thought.</summary>
    [Test]
    public async Task AStartMarkerOfSeveralTokensBelongsToTheThought()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        GenerationRequest plain = GenerationRequest.FromText("7 + 5 =") with { MaxNewTokens = 30, Sampling = new SamplingOptions { SoftThinking = false } };
        plain = plain with { Sampling = plain.Sampling with { AfterThinking = new FilterOptions { Temperature = 0 } } };
        string start = string.Concat((await engine.GenerateAsync(plain)).Samples[0].Tokens.Take(3).Select(token => token.Text));
        Assert.That(engine.Tokenizer.Encode(start, addSpecialTokens: false), Has.Length.EqualTo(3));
        using MetricsReader metrics = new(engine);
        double before = metrics.Read()["thinking_tokens"];
        GenerationResult result = await engine.GenerateAsync(plain with { Sampling = plain.Sampling with { ThinkStart = start } });
        Assert.That(result.Samples[0].Tokens[0], Has.Property("Marker").True.And.Property("Thinking").True);
        Assert.That(metrics.Read()["thinking_tokens"] - before, Is.EqualTo(result.Samples[0].Usage.ThinkingTokens));
    }

    [Test]
    public async Task SamplesCountByTheirEnd()
    {
        const int Poisoned = 300;
        using PoisonedModel model = new("qwen2", Poisoned);
        await using Engine engine = Engine.Load(model.Folder);
        using MetricsReader metrics = new(engine);
        GenerationRequest endless = GenerationRequest.FromTokens([new ConceptToken(7)]) with
        {
            IgnoreEndOfText = true,
            Sampling = new SamplingOptions { SoftThinking = false },
        };
        GenerationRequest failing = endless with { Prompt = new TokenPrompt([new ConceptToken(Poisoned)]) };
        await engine.GenerateAsync(endless with { MaxNewTokens = 3 });
        await foreach (GenerationEvent next in engine.StreamAsync(endless with { Samples = 2 }))
        {
            if (next is GeneratedToken)
                break;
        }
        Assert.That(async () => await engine.GenerateAsync(failing), Throws.InstanceOf<GenerationException>());
        await engine.GenerateAsync(endless with { MaxNewTokens = 3 });
        Assert.That(Nonzero(metrics, "request_success."), Is.EquivalentTo(new[] { ("length", 2), ("abort", 2), ("error", 1) }));
        Assert.That(metrics.Read()["e2e_request_latency.count"], Is.EqualTo(2));
    }

    [Test]
    public async Task EnginesAreToldApartByTheirScope()
    {
        await using Engine one = Engine.Load(TestData.TinyReasoner), other = Engine.Load(TestData.TinyReasoner);
        using MetricsReader ofOne = new(one), ofOther = new(other);
        await one.GenerateAsync(Question with { MaxNewTokens = 4 });
        Assert.That(ofOne.Read()["generation_tokens"], Is.EqualTo(4));
        Assert.That(ofOther.Read()["generation_tokens"], Is.Zero);
        Assert.That(ofOther.Read(), Does.Not.ContainKey("time_to_first_token.count"));
        Assert.That(ofOther.Read(), Does.ContainKey("num_requests_running").And.ContainKey("num_requests_waiting").And.ContainKey("kv_cache_usage_perc"));
    }

    /// <summary>Who comes late still reads all that was counted.</summary>
    [Test]
    public async Task ALateListenerReadsTheCounters()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        await engine.GenerateAsync(Question with { MaxNewTokens = 4 });
        using MetricsReader metrics = new(engine);
        Assert.That(metrics.Read()["generation_tokens"], Is.EqualTo(4));
    }

    private static IEnumerable<(string, int)> Nonzero(MetricsReader metrics, string prefix) =>
        metrics.Read().Where(value => value.Key.StartsWith(prefix, StringComparison.Ordinal) && value.Value != 0)
            .Select(value => (value.Key[prefix.Length..], (int)value.Value));
}
