using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>The engine on the demonstration model.</summary>
public class EngineTests
{
    private const string Question = "What is 47 + 85 - 19?";

    private static readonly SamplingOptions[] Samplings =
    [
        new() { Seed = 7 },
        new() { Seed = 7, Strategy = new SoftStrategy { DirichletAlpha = 1, GumbelSoftmaxTemperature = 0.5f } },
        new() { Seed = 7, SoftThinking = false },
        new() { Seed = 7, RepetitionPenalty = 1.05f, FrequencyPenalty = 0.01f, PresencePenalty = 0.01f },
        new() { Seed = 7, Thinking = new() { TopK = 0, Temperature = 1.5f }, AfterThinking = new() { TopK = 0, Temperature = 1.5f } },
    ];

    [Test]
    public async Task SameSeedProducesTheSameBitsForAnyNumberOfThreads([ValueSource(nameof(Samplings))] SamplingOptions sampling)
    {
        string[] first = Bits.Of(await Run(sampling, threads: 1));
        foreach (int threads in new[] { 1, 2, 3 })
        {
            string[] again = Bits.Of(await Run(sampling, threads));
            Assert.That(again, Is.EqualTo(first), $"{threads} threads");
        }
    }

    [Test]
    public async Task SeedsChangeWhatIsDrawn()
    {
        SamplingOptions sampling = new() { SoftThinking = false, AfterThinking = new() { Temperature = 2, TopK = 0, TopP = 1 } };
        string[] one = Bits.Of(await Run(sampling with { Seed = 1 }, 2)), two = Bits.Of(await Run(sampling with { Seed = 2 }, 2));
        Assert.That(one, Is.Not.EqualTo(two));
    }

    [Test]
    public async Task NoiseChangesTheMixture()
    {
        string[] plain = Bits.Of(await Run(new(), 2));
        Assert.That(Bits.Of(await Run(new() { Strategy = new DirichletStrategy() }, 2)), Is.Not.EqualTo(plain));
        Assert.That(Bits.Of(await Run(new() { Strategy = new GumbelStrategy() }, 2)), Is.Not.EqualTo(plain));
    }

    [Test]
    public async Task BudgetEndsTheThoughtAfterSoManyThoughts([Values] bool soft)
    {
        SamplingOptions sampling = new() { MaxThinkingTokens = 5, SoftThinking = soft, ThinkEndText = "\nThe answer" };
        GeneratedSample sample = await Run(sampling, 2);
        IReadOnlyList<GeneratedToken> steps = sample.Tokens;
        Assert.That(steps.Count(step => step.Thinking && !step.Marker), Is.EqualTo(5));
        Assert.That(steps[5].ThinkingEnd, Is.EqualTo(ThinkingEnd.Budget));
        Assert.That(string.Concat(steps.Skip(6).Select(step => step.Text)), Does.StartWith("\nThe answer"));
    }

    [Test]
    public async Task ColdStopEndsTheThought()
    {
        SamplingOptions sampling = new() { EarlyStoppingEntropyThreshold = 100, EarlyStoppingLengthThreshold = 8 };
        GeneratedSample sample = await Run(sampling, 2);
        IReadOnlyList<GeneratedToken> steps = sample.Tokens;
        Assert.That(steps[7].ThinkingEnd, Is.EqualTo(ThinkingEnd.ColdStop));
        Assert.That(steps.Skip(8), Has.All.Property(nameof(GeneratedToken.Soft)).False);
    }

    [Test]
    public async Task ColdStopAfterThinkingEndsTheAnswer()
    {
        SamplingOptions sampling = new() { EarlyStoppingEntropyThreshold = 100, EarlyStoppingLengthThreshold = 4, ColdStopAfterThinking = true };
        GeneratedSample sample = await Run(sampling, 2);
        IReadOnlyList<GeneratedToken> steps = sample.Tokens;
        Assert.That(sample.FinishReason, Is.EqualTo(FinishReason.ColdStop));
        Assert.That(steps, Has.Count.EqualTo(8));
    }

    [Test]
    public async Task LengthEndsTheText()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        GenerationRequest request = Ask(engine, new()) with { MaxNewTokens = 3 };
        GeneratedSample sample = (await engine.GenerateAsync(request)).Samples[0];
        Assert.That(sample.Tokens, Has.Count.EqualTo(3));
        Assert.That(sample.FinishReason, Is.EqualTo(FinishReason.Length));
    }

    [Test]
    public async Task LongPromptsGoThroughInChunks()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        ConceptToken[] prompt = [.. Enumerable.Range(0, 1000).Select(i => new ConceptToken(i % 400))];
        GenerationRequest request = new() { Prompt = new TokenPrompt(prompt) };
        Assert.That((await engine.GenerateAsync(request)).Samples[0].Tokens, Has.Count.InRange(1, 24));
    }

    [Test]
    public async Task BadPromptsAreRefusedBeforeAnythingRuns()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        Assert.That(() => engine.GenerateAsync(new() { Prompt = new TokenPrompt([]) }), Throws.ArgumentException.With.Message.Contains("empty"));
        Assert.That(() => engine.GenerateAsync(new() { Prompt = new TokenPrompt([new(455)]) }), Throws.ArgumentException.With.Message.Contains("455"));
        Assert.That(() => engine.GenerateAsync(new() { Prompt = new TokenPrompt([.. Enumerable.Repeat(new ConceptToken(1), 1024)]) }),
            Throws.InstanceOf<GenerationLimitException>().With.Message.Contains("context of 1024"));
        Assert.That(() => engine.GenerateAsync(Ask(engine, new() { ThinkEnd = "a marker of far more than sixteen tokens of this small vocabulary" })),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("must be 1 to 16"));
    }

    [Test]
    public async Task CancelledGenerationKeepsTheReturnedTokens()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        using CancellationTokenSource source = new();
        int steps = 0;
        Assert.That(
            async () =>
            {
                await foreach (GenerationEvent next in engine.StreamAsync(Ask(engine, new()), source.Token))
                {
                    if (next is GeneratedToken && ++steps == 4)
                        source.Cancel();
                }
            },
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(steps, Is.EqualTo(4));
    }

    [Test]
    public void OptionsOutOfRangeNameTheOptionAndItsRange()
    {
        Assert.That(() => new FilterOptions { Temperature = float.NaN }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Temperature must be 0, or"));
        Assert.That(() => new FilterOptions { TopP = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("TopP must be above 0"));
        Assert.That(() => new SamplingOptions { MaxTopk = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("MaxTopk must be 1 to 1024"));
    }

    private static async Task<GeneratedSample> Run(SamplingOptions sampling, int threads)
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Threads = threads });
        return (await engine.GenerateAsync(Ask(engine, sampling) with { MaxNewTokens = 200 })).Samples[0];
    }

    private static GenerationRequest Ask(Engine engine, SamplingOptions sampling) =>
        Problems.Ask(engine, Question, sampling);
}
