using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>The log-probabilities of recorded steps, recomputed from scores.</summary>
public class ReplayDensityTests
{
    /// <summary>Filters that keep no more than the mixtures hold, and weights that do not vanish: the record then has all ids.</summary>
    private static readonly SamplingOptions Complete = new() { MaxTopk = 8, Thinking = new() { Temperature = 0.9f, TopK = 8, MinP = 0.02f } };

    private static IEnumerable<TestCaseData> Strategies()
    {
        foreach (ThinkingStrategy strategy in new ThinkingStrategy[]
        {
            new SoftStrategy(), new SoftStrategy { GumbelSoftmaxTemperature = 1 }, new SoftStrategy { DirichletAlpha = 500 },
            new GumbelStrategy { GumbelTemperature = 1 }, new DirichletStrategy { DirichletAlpha = 500 }, new MixtureOfInputsStrategy(),
            new MultiplexStrategy(), new MultiplexStrategy { UniformWeights = true, MaskThreshold = 1 }, new SwiReasoningStrategy { Window = 3 },
            new ThinkRouterStrategy { RouterThreshold = 0.05f }, new LatentSftStrategy(), new LatentGrpoStrategy(),
            new LatentGrpoStrategy { OneSided = false, NoiseScale = 0.5f }, new SoftGrpoStrategy { GumbelTemperature = 0.5f },
            new SoftGrpoStrategy { NoiseClamp = (-1, 2), NoiseScale = 2, GumbelTemperature = 3 },
        })
        {
            // A copy has the same bits; of a sum the addends are rounded.
            bool exact = strategy is not (PerturbedStrategy or MultiplexStrategy or GumbelStrategy or DirichletStrategy or SoftStrategy { DirichletAlpha: > 0 }
                or SoftStrategy { GumbelSoftmaxTemperature: > 0 });
            yield return new TestCaseData(strategy, exact).SetArgDisplayNames($"{strategy}");
        }
    }

    [TestCaseSource(nameof(Strategies))]
    public async Task UnderTheSameModelItIsThatOfTheRecord(ThinkingStrategy strategy, bool exact)
    {
        await using Engine engine = Engine.Load(
            Path.Combine(TestData.FindGolden("forward")!, "qwen3"), TestDevice.Cpu.Options() with { MaxTopk = 1024 });
        GenerationRequest request = new()
        {
            Prompt = new TokenPrompt([.. Enumerable.Range(5, 12).Select(id => new ConceptToken(id))]),
            Sampling = Complete with
            {
                Strategy = strategy,
                Seed = 3,
                MaxThinkingTokens = 60,
                ThinkEnd = engine.Tokenizer.Decode([9], skipSpecialTokens: false),
                ThinkEndText = engine.Tokenizer.Decode([11], skipSpecialTokens: false),
            },
            Thinking = ThinkingStart.Open,
            MaxNewTokens = 80,
            IgnoreEndOfText = true,
            Record = true,
        };
        IReadOnlyList<GeneratedToken> recorded = (await engine.GenerateAsync(request)).Samples[0].Tokens;
        ReplayScores scores = await engine.ScoreAsync(ScoreRequest.Of(request, recorded));
        Assert.That(recorded.Count(token => token.Record!.Mixed), Is.GreaterThan(0));
        for (int step = 0; step < recorded.Count; step++)
        {
            TokenRecord record = recorded[step].Record!;
            double logProb = ReplayDensity.LogProb(strategy, recorded[step], scores.Steps[step]);
            if (exact || !record.Mixed)
                Assert.That((float)logProb, Is.EqualTo(record.LogProb), $"step {step}");
            else
                Assert.That(logProb, Is.EqualTo(record.LogProb).Within(2e-5 * (1 + Math.Abs(record.LogProb))), $"step {step}");
        }
    }

    [Test]
    public void OfLatentGrpoItFollowsTheOtherModel()
    {
        StepScores other = Scores([-1, -2], [-1, -2]);
        double expected = (Gumbel(0.5 + 1) + Gumbel(-1 + 2)) / 2;
        Assert.That(OfMixture(new LatentGrpoStrategy(), [0.5f, -1], other), Is.EqualTo(expected).Within(1e-12));
        StepScores impossible = Scores([-1, float.NegativeInfinity], [-1, float.NegativeInfinity]);
        Assert.That(OfMixture(new LatentGrpoStrategy(), [0.5f, -1], impossible), Is.EqualTo(double.NegativeInfinity));
    }

    [Test]
    public void OfSoftGrpoItIsClampedAndLeavesOutRareIds()
    {
        // q = 0.75, 0.25, and an id that the other model excludes.
        StepScores other = Scores([0, 0, 0], [MathF.Log(0.6f), MathF.Log(0.2f), float.NegativeInfinity]);
        double first = Math.Clamp(5 - Math.Log(0.75 + 1e-6), -1.5, 3), second = Math.Clamp(-2 - Math.Log(0.25 + 1e-6), -1.5, 3);
        Assert.That(first, Is.EqualTo(3), "the first is clamped");
        Assert.That(OfMixture(new SoftGrpoStrategy(), [5, -2, 1], other), Is.EqualTo((Gumbel(first) + Gumbel(second)) / 2).Within(1e-6));
        StepScores none = Scores([0, 0, 0], [float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity]);
        Assert.That(OfMixture(new SoftGrpoStrategy(), [5, -2, 1], none), Is.Zero);
    }

    /// <summary>Gamma(3) = 2 and Gamma(1/2) = sqrt(pi).</summary>
    [Test]
    public void OfDirichletItIsTheDensityOfLogGammaVariables()
    {
        StepScores other = Scores([0, 0], [MathF.Log(0.75f), MathF.Log(0.25f)]);
        double first = 2 * 0.25 - Math.Exp(0.25) - Math.Log(2);
        Assert.That(OfMixture(new DirichletStrategy { DirichletAlpha = 4 }, [0.25f, -0.5f], other),
            Is.EqualTo((first + (0 - Math.Exp(-0.5))) / 2).Within(1e-6));
        double half = -0.5 * -1 - Math.Exp(-1) - 0.5 * Math.Log(Math.PI), three = 0.5 * 0.5 - Math.Exp(0.5) - (Math.Log(Math.PI) / 2 - Math.Log(2));
        Assert.That(OfMixture(new DirichletStrategy { DirichletAlpha = 2 }, [0.5f, -1], other), Is.EqualTo((half + three) / 2).Within(1e-6));
    }

    [Test]
    public void ForcedStepsHaveNone() =>
        Assert.That(ReplayDensity.LogProb(new MultiplexStrategy(), mixed: false, forced: true, [], Scores([-1, -2], [-1, -2])), Is.Zero);

    [Test]
    public void WhatDoesNotFitIsRefused()
    {
        GeneratedToken bare = new() { Token = new(3), Text = "", Entropy = 0, Soft = true, Thinking = true, Marker = false };
        Assert.That(() => ReplayDensity.LogProb(new SoftStrategy(), bare, Scores([-1], [-1])), Throws.ArgumentException.With.Message.StartsWith("the token has no Record"));
        Assert.That(() => OfMixture(new GumbelStrategy(), [1], Scores([-1, -2], [-1, -2])),
            Throws.ArgumentException.With.Message.StartsWith("there are 1 scores, 2 and 2 log-probabilities of entries"));
        Assert.That(() => OfMixture(new SoftStrategy { DirichletAlpha = 1, GumbelSoftmaxTemperature = 1 }, [1, 2], Scores([-1, -2], [-1, -2])),
            Throws.TypeOf<NotSupportedException>());
    }

    private static double OfMixture(ThinkingStrategy strategy, float[] noisy, StepScores scores) =>
        ReplayDensity.LogProb(strategy, mixed: true, forced: false, noisy, scores);

    private static double Gumbel(double g) => -g - Math.Exp(-g);

    private static StepScores Scores(float[] logP1, float[] logPt) => new() { LogP1 = logP1, LogPt = logPt, TokenLogP1 = logP1[0], TokenLogPt = logPt[0] };
}
