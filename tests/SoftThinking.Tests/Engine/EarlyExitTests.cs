using System.Reflection;
using NUnit.Framework;
using SoftThinking.Json;
using SoftThinking.Thinking;

namespace SoftThinking.Tests;

/// <summary>Early exits on the engine: probes that change nothing but what they are for, bars that the first samples set, and what is refused.</summary>
public class EarlyExitTests
{
    private const string Question = "What is 47 + 85 - 19 + 8?";

    private static readonly int[] EveryId = [.. Enumerable.Range(0, 400)];

    private Engine _engine = null!;

    [OneTimeSetUp]
    public void Load() => _engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { MaxTopk = 1024 });

    [OneTimeTearDown]
    public async Task Free() => await _engine.DisposeAsync();

    /// <summary>With each strategy: after every thought, and in place of every thought, a probe that decides against an exit.</summary>
    [Test]
    public async Task ProbesThatDecideAgainstAnExitChangeNoBit([ValueSource(typeof(ThinkingStrategy), nameof(ThinkingStrategy.Published))] ThinkingStrategy strategy)
    {
        SamplingOptions plain = new() { Seed = 3, Strategy = strategy, MaxTopk = strategy is SwiReasoningStrategy ? 20 : null, RepetitionPenalty = 1.05f };
        SamplingOptions probed = plain with
        {
            Eat = new() { Interval = 1, MinProbes = int.MaxValue, ProbeText = "\nThe answer is " },
            Deer = new() { TriggerIds = EveryId, MaxProbes = 12, Threshold = 1, ProbeTokens = 3, RequireEnd = false },
        };
        Assert.That(await BitsOf(probed), Is.EqualTo(await BitsOf(plain)));
    }

    /// <summary>The exit is at a token that the probe took the place of, and the forced text follows.</summary>
    [Test]
    public async Task AConfidentProbeReplacesTheThought()
    {
        SamplingOptions sampling = new()
        {
            Seed = 3,
            Deer = new() { TriggerIds = EveryId, Threshold = 0, ProbeTokens = 3, RequireEnd = false, ExitText = "\n" },
            ThinkEndText = "The answer",
        };
        GeneratedSample sample = await Answer(sampling);
        Assert.That(sample.ThinkingEnd, Is.EqualTo(ThinkingEnd.Deer));
        Assert.That(sample.Usage.ThinkingTokens, Is.EqualTo(2), "the exit text and the marker");
        Assert.That(sample.Thinking, Is.Empty);
        Assert.That(sample.Answer, Does.StartWith("The answer"));
        TokenRecord record = sample.Tokens[0].Record!;
        Assert.That((record.Forced, record.Mixed, record.LogProb, record.Stop), Is.EqualTo((true, false, 0f, ThinkingEnd.Deer)));
        Assert.That(record.LogP1, Is.EqualTo(new[] { record.TokenLogP1 }));
        Assert.That(record.TokenLogP1, Is.LessThan(0));
    }

    [Test]
    public async Task SettledProbesEndTheThought()
    {
        GeneratedSample sample = await Answer(new() { Seed = 3, Eat = new() { Interval = 2, MinProbes = 3, Delta = 1000 } });
        Assert.That(sample.ThinkingEnd, Is.EqualTo(ThinkingEnd.Eat));
        Assert.That(sample.Usage.ThinkingTokens, Is.EqualTo(7), "three probes after two thoughts each, and the marker in place of the next");
    }

    /// <summary>A probe stands behind the sequence: the engine leaves room for it in the context, and one of a single row is enough.</summary>
    [Test]
    public async Task ProbesFitIntoTheContextAndIntoSmallSteps([Values(1, 3)] int stepTokens, [Values(64, 80)] int context)
    {
        EngineOptions options = new() { ContextLength = context, MaxSequences = 1, StepTokens = stepTokens };
        await using Engine small = Engine.Load(TestData.TinyReasoner, options);
        GenerationRequest request = Problems.Ask(small, "What is 1 + 1?", new()
        {
            Seed = 1,
            EarlyStoppingEntropyThreshold = 0,
            Eat = new() { Interval = 1, MinProbes = int.MaxValue, ProbeText = "\nThe answer is " },
        }) with
        { MaxNewTokens = null, IgnoreEndOfText = true };
        int rows = 1 + small.Tokenizer.Encode("\nThe answer is ", addSpecialTokens: false).Length;
        GeneratedSample sample = (await small.GenerateAsync(request)).Samples[0];
        Assert.That(sample.Usage.PromptTokens + sample.Usage.CompletionTokens, Is.EqualTo(context - rows));
    }

    /// <summary>The first samples run to their end and set the bar, which is the same in any company.</summary>
    [Test]
    public async Task TheFirstSamplesSetTheBar()
    {
        DeepConfExit exit = new() { Window = 8, Warmup = 4, ConfidencePercentile = 50 };
        GenerationRequest request = Problems.Ask(_engine, Question, new() { Seed = 5, SoftThinking = false, DeepConf = exit }) with { Samples = 9 };
        GenerationResult result = await _engine.GenerateAsync(request);
        SampleConfidence[] confidences = [.. result.Samples.Select(sample => sample.Confidence!)];
        Assert.That(confidences.Take(4).Select(each => each.Bar), Is.All.Null);
        float bar = ConfidenceTrace.Bar(confidences.Take(4).Select(each => each.Least), 50);
        Assert.That(confidences.Skip(4).Select(each => each.Bar), Is.All.EqualTo(bar));
        foreach (GeneratedSample sample in result.Samples.Skip(4))
            Assert.That(sample.FinishReason == FinishReason.LowConfidence, Is.EqualTo(sample.Confidence!.Least < bar));
        Assert.That(result.Samples.Skip(4).Select(sample => sample.FinishReason), Has.Some.EqualTo(FinishReason.LowConfidence));
        GenerationResult again = await _engine.GenerateAsync(request);
        Assert.That(again.Samples.Select(Bits.Of), Is.EqualTo(result.Samples.Select(Bits.Of)));
    }

    [Test]
    public async Task FewSamplesHaveNoBar()
    {
        GenerationRequest request = Problems.Ask(_engine, Question, new() { Seed = 5, DeepConf = new() { Window = 8 } }) with { Samples = 2 };
        Assert.That((await _engine.GenerateAsync(request)).Samples.Select(sample => sample.Confidence!.Bar), Is.All.Null);
    }

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return new(new SamplingOptions { Strategy = new MultiplexStrategy(), MaxTopk = 65 }, "MaxTopk is 65; the strategy multiplex mixes at most 64");
        yield return new(new SamplingOptions { Strategy = new SwiReasoningStrategy(), MaxTopk = 1024 }, "MaxTopk is 1024; the strategy swireasoning mixes at most 1023");
        yield return new(new SamplingOptions { Strategy = new SwiReasoningStrategy { HardIds = [100_000] } }, "SwiReasoningStrategy.HardIds contains id 100000, which is outside the vocabulary of ");
        yield return new(new SamplingOptions { Strategy = new SwiReasoningStrategy { StartBlendId = 100_000 } }, "SwiReasoningStrategy.StartBlendId is 100000, which is outside the vocabulary of ");
        yield return new(new SamplingOptions { Deer = new() { TriggerIds = [5, 100_000] } }, "DeerExit.TriggerIds contains id 100000, which is outside the vocabulary of ");
        yield return new(new SamplingOptions { Deer = new() { TriggerIds = [] } }, "DeerExit.TriggerIds must name ids");
        yield return new(new SamplingOptions { Deer = new() { TriggerIds = [5], ProbeText = "" } }, "DeerExit.ProbeText is empty");
        yield return new(new SamplingOptions { Eat = new() { ProbeText = new string('x', 200) } }, "EatExit.ProbeText is 200 tokens; the maximum is 64");
        yield return new(new SamplingOptions { Strategy = new SwiReasoningStrategy { MaxSwitchCount = 1, FinalText = new string('x', 200) } },
            "SwiReasoningStrategy.FinalText is 200 tokens; the maximum is 64");
        yield return new(new SamplingOptions { Deer = new() { ExitText = new string('x', 200) } }, "DeerExit.ExitText is 200 tokens; the maximum is 64");
        yield return new(new SamplingOptions { ThinkEndText = new string('x', 200) }, "ThinkEndText is 200 tokens; the maximum is 64");
        yield return new(new SamplingOptions { ThinkStart = new string('x', 17) }, "ThinkStart 'xxxxxxxxxxxxxxxxx' is 17 tokens of this model; it must be 1 to 16");
        yield return new(new SamplingOptions { ThinkEnd = new string('x', 17) }, "ThinkEnd 'xxxxxxxxxxxxxxxxx' is 17 tokens of this model; it must be 1 to 16");
        yield return new(new SamplingOptions { LogitBias = new Dictionary<int, float> { [100_000] = 1 } }, "LogitBias names token 100000; ");
    }

    [TestCaseSource(nameof(Refused))]
    public void WhatDoesNotFitIsRefusedByName(SamplingOptions sampling, string message) =>
        Assert.That(() => _engine.GenerateAsync(Problems.Ask(_engine, Question, sampling)), Throws.TypeOf<RequestOptionException>().With.Message.StartsWith(message));

    /// <summary>The published names are those that JSON has, and any name may take the place of the property's.</summary>
    [Test]
    public void AnOptionHasItsPublishedName()
    {
        RequestOption[] options = [.. typeof(RequestOption).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (RequestOption)field.GetValue(null)!)];
        Assert.That(options.Select(option => option.Key), Is.Unique.And.SubsetOf(SamplingJson.Keys.Select(key => key.Name).Concat(RequestJson.Keys)));
        RequestOptionException error = RequestOption.HardIds.Error("is wrong");
        Assert.That((error.Message, error.MessageFor(error.Key)), Is.EqualTo(("SwiReasoningStrategy.HardIds is wrong", "hard_ids is wrong")));
    }

    [Test]
    public async Task ALimitOfTheEngineNamesWhatToRaise()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { MaxTopk = 20 });
        Assert.That(() => engine.GenerateAsync(Problems.Ask(engine, Question, new() { Strategy = new MixtureOfInputsStrategy() })),
            Throws.TypeOf<GenerationLimitException>().With.Message.EqualTo(
                "the strategy mixture-of-inputs mixes up to 21 tokens; the engine's MaxTopk, which has to be raised for it, is 20"));
    }

    /// <summary>Logits that are no numbers, in the row of a probe, end that request alone.</summary>
    [Test]
    public async Task AProbeWithBadLogitsEndsItsRequest()
    {
        using PoisonedModel model = new("qwen2", id: 77);
        await using Engine engine = Engine.Load(model.Folder, new EngineOptions { Threads = 2, KvDtype = KvDtype.F32 });
        string poison = engine.Tokenizer.Decode([77], skipSpecialTokens: false), end = engine.Tokenizer.Decode([3], skipSpecialTokens: false);
        SamplingOptions sampling = new() { Seed = 1, ThinkEnd = end, Thinking = new() { TopK = 20 }, LogitBias = new Dictionary<int, float> { [77] = -1000 } };
        GenerationRequest request = new() { Prompt = new TokenPrompt([.. Enumerable.Range(10, 12).Select(id => new ConceptToken(id))]), Thinking = ThinkingStart.Open, MaxNewTokens = 12, Sampling = sampling };
        GenerationRequest probed = request with { Sampling = sampling with { Eat = new() { Interval = 2, ProbeText = poison } } };
        Task<GenerationResult> unharmed = engine.GenerateAsync(request);
        Assert.That(() => engine.GenerateAsync(probed), Throws.TypeOf<GenerationException>().With.Message.Contains("logits"));
        Assert.That((await unharmed).Samples[0].Tokens, Has.Count.EqualTo(12));
    }

    private async Task<GeneratedSample> Answer(SamplingOptions sampling) =>
        (await _engine.GenerateAsync(Problems.Ask(_engine, Question, sampling) with { Record = true })).Samples[0];

    private async Task<string[]> BitsOf(SamplingOptions sampling) => Bits.Of(await Answer(sampling));
}
