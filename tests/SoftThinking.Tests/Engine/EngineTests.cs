using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>The engine on the demonstration model.</summary>
public class EngineTests
{
    private const string Question = "What is 47 + 85 - 19?";

    private static readonly SamplingOptions[] Samplings =
    [
        new() { Seed = 7 },
        new() { Seed = 7, DirichletAlpha = 1, GumbelSoftmaxTemperature = 0.5f },
        new() { Seed = 7, SoftThinking = false },
        new() { Seed = 7, RepetitionPenalty = 1.05f, FrequencyPenalty = 0.01f, PresencePenalty = 0.01f },
        new() { Seed = 7, Thinking = new() { TopK = 0, Temperature = 1.5f }, AfterThinking = new() { TopK = 0, Temperature = 1.5f } },
    ];

    [Test]
    public void SameSeedGivesTheSameBitsForAnyNumberOfThreads([ValueSource(nameof(Samplings))] SamplingOptions sampling)
    {
        List<GenerationStep> first = Run(sampling, threads: 1);
        foreach (int threads in new[] { 1, 2, 3 })
        {
            List<GenerationStep> again = Run(sampling, threads);
            Assert.That(again.Select(Bits), Is.EqualTo(first.Select(Bits)), $"{threads} threads");
        }
    }

    [Test]
    public void SeedsChangeWhatIsDrawn()
    {
        SamplingOptions sampling = new() { SoftThinking = false, AfterThinking = new() { Temperature = 2, TopK = 0, TopP = 1 } };
        IEnumerable<string> one = Run(sampling with { Seed = 1 }, 2).Select(Bits), two = Run(sampling with { Seed = 2 }, 2).Select(Bits);
        Assert.That(one, Is.Not.EqualTo(two));
    }

    [Test]
    public void NoiseChangesTheMixture()
    {
        string[] plain = [.. Run(new(), 2).Select(Bits)];
        Assert.That(Run(new() { DirichletAlpha = 1 }, 2).Select(Bits), Is.Not.EqualTo(plain));
        Assert.That(Run(new() { GumbelSoftmaxTemperature = 0.5f }, 2).Select(Bits), Is.Not.EqualTo(plain));
    }

    [Test]
    public void BudgetEndsTheThoughtAfterSoManyThoughts([Values] bool soft)
    {
        SamplingOptions sampling = new() { MaxThinkingTokens = 5, SoftThinking = soft, ThinkEndText = "\nThe answer" };
        List<GenerationStep> steps = Run(sampling, 2);
        Assert.That(steps.Count(step => step.Thinking && !step.Marker), Is.EqualTo(5));
        Assert.That(steps[5].ThinkingEnd, Is.EqualTo(ThinkingEnd.Budget));
        Assert.That(string.Concat(steps.Skip(6).Select(step => step.Text)), Does.StartWith("\nThe answer"));
    }

    [Test]
    public void ColdStopEndsTheThought()
    {
        SamplingOptions sampling = new() { EarlyStoppingEntropyThreshold = 100, EarlyStoppingLengthThreshold = 8 };
        List<GenerationStep> steps = Run(sampling, 2);
        Assert.That(steps[7].ThinkingEnd, Is.EqualTo(ThinkingEnd.ColdStop));
        Assert.That(steps.Skip(8), Has.All.Property(nameof(GenerationStep.Soft)).False);
    }

    [Test]
    public void ColdStopAfterThinkingEndsTheAnswer()
    {
        SamplingOptions sampling = new() { EarlyStoppingEntropyThreshold = 100, EarlyStoppingLengthThreshold = 4, ColdStopAfterThinking = true };
        List<GenerationStep> steps = Run(sampling, 2);
        Assert.That(steps[^1].FinishReason, Is.EqualTo(FinishReason.ColdStop));
        Assert.That(steps, Has.Count.EqualTo(8));
    }

    [Test]
    public void LengthEndsTheText()
    {
        using Engine engine = Engine.Load(TestData.TinyReasoner);
        GenerationRequest request = Ask(engine, new()) with { MaxNewTokens = 3 };
        List<GenerationStep> steps = [.. engine.Generate(request)];
        Assert.That(steps, Has.Count.EqualTo(3));
        Assert.That(steps[^1].FinishReason, Is.EqualTo(FinishReason.Length));
    }

    [Test]
    public void LongPromptsGoThroughInChunks()
    {
        using Engine engine = Engine.Load(TestData.TinyReasoner);
        ConceptToken[] prompt = [.. Enumerable.Range(0, 1000).Select(i => new ConceptToken(i % 400))];
        GenerationRequest request = new() { Prompt = prompt };
        Assert.That(engine.Generate(request).Count(), Is.InRange(1, 24));
    }

    [Test]
    public void BadPromptsAreRefusedBeforeAnythingRuns()
    {
        using Engine engine = Engine.Load(TestData.TinyReasoner);
        Assert.That(() => engine.Generate(new() { Prompt = [] }), Throws.ArgumentException.With.Message.Contains("empty"));
        Assert.That(() => engine.Generate(new() { Prompt = [new(455)] }), Throws.ArgumentException.With.Message.Contains("455"));
        Assert.That(() => engine.Generate(new() { Prompt = [.. Enumerable.Repeat(new ConceptToken(1), 1024)] }),
            Throws.ArgumentException.With.Message.Contains("context of 1024"));
        Assert.That(() => engine.Generate(Ask(engine, new() { ThinkEnd = "end of it" })),
            Throws.ArgumentException.With.Message.Contains("must be one"));
    }

    [Test]
    public void CancelledGenerationKeepsTheStepsGiven()
    {
        using Engine engine = Engine.Load(TestData.TinyReasoner);
        using CancellationTokenSource source = new();
        int steps = 0;
        Assert.That(
            () =>
            {
                foreach (GenerationStep _ in engine.Generate(Ask(engine, new()), source.Token))
                {
                    if (++steps == 4)
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

    private static List<GenerationStep> Run(SamplingOptions sampling, int threads)
    {
        using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Threads = threads });
        return [.. engine.Generate(Ask(engine, sampling) with { MaxNewTokens = 200 })];
    }

    private static GenerationRequest Ask(Engine engine, SamplingOptions sampling) =>
        Problems.Ask(engine, Question, sampling);

    private static string Bits(GenerationStep step) =>
        $"{string.Join(',', step.Token.Ids)} {string.Join(',', step.Token.Weights.Select(BitConverter.SingleToInt32Bits))} "
        + $"{BitConverter.SingleToInt32Bits(step.Entropy)} {step.Text} {step.FinishReason}";
}
