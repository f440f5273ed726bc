using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>What a request can ask for.</summary>
public class RequestTests
{
    private const string Question = "What is 47 + 85 - 19?";

    private Engine _engine = null!;

    [OneTimeSetUp]
    public void Load() => _engine = Engine.Load(TestData.TinyReasoner);

    [OneTimeTearDown]
    public async Task Free() => await _engine.DisposeAsync();

    [Test]
    public async Task SamplesAreRequestsWithTheSeedsThatFollow()
    {
        GenerationRequest request = Ask(new() { Seed = 5, SoftThinking = false, AfterThinking = new() { Temperature = 1.2f } });
        GenerationResult together = await _engine.GenerateAsync(request with { Samples = 4 });
        Assert.That(together.Samples, Has.Count.EqualTo(4));
        for (int i = 0; i < 4; i++)
        {
            SamplingOptions sampling = request.Sampling with { Seed = 5 + (ulong)i };
            GeneratedSample alone = (await _engine.GenerateAsync(request with { Sampling = sampling })).Samples[0];
            Assert.That(Bits.Of(together.Samples[i]), Is.EqualTo(Bits.Of(alone)), $"sample {i}");
        }
        Assert.That(together.Samples.Select(sample => sample.Text).Distinct().Count(), Is.GreaterThan(1));
    }

    [Test]
    public async Task SamplesShareThePrompt()
    {
        ConceptToken[] prompt = [.. Enumerable.Range(0, 200).Select(i => new ConceptToken(i * 7 % 400))];
        GenerationRequest request = new() { Prompt = new TokenPrompt(prompt), Samples = 3, MaxNewTokens = 4 };
        GenerationResult result = await _engine.GenerateAsync(request);
        Assert.That(result.Samples.Select(sample => sample.Usage.CachedTokens), Is.EqualTo(new[] { 0, 192, 192 }));
        Assert.That((await _engine.GenerateAsync(request)).Samples[0].Usage.CachedTokens, Is.EqualTo(192));
    }

    [Test]
    public async Task StopStringsEndTheTextBeforeThem([Values("132", "\n132 -", "so|thus|hence", "answer", "Zebra")] string stop)
    {
        GenerationRequest request = Ask(new() { Seed = 3 });
        string[] stops = stop.Split('|');
        GeneratedSample whole = (await _engine.GenerateAsync(request)).Samples[0];
        GeneratedSample cut = (await _engine.GenerateAsync(request with { StopStrings = stops, StopInThinking = true })).Samples[0];
        int found = stops.Select(each => whole.Text.IndexOf(each, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        Assert.That(cut.Text, Is.EqualTo(found < 0 ? whole.Text : whole.Text[..found]));
        Assert.That(cut.FinishReason, Is.EqualTo(FinishReason.Stop));
        Assert.That(cut.Usage.CompletionTokens, Is.EqualTo(cut.Tokens.Count));
        if (found >= 0)
            Assert.That(cut.Tokens, Has.Count.LessThan(whole.Tokens.Count));
    }

    [Test]
    public async Task StepsAreHeldBackWhileTheyMayBelongToAStopString()
    {
        GenerationRequest request = Ask(new() { Seed = 3 }) with { StopStrings = ["132 - 19: 12"], StopInThinking = true };
        string text = "";
        await foreach (GenerationEvent next in _engine.StreamAsync(request))
        {
            text += (next as GeneratedToken)?.Text;
            Assert.That(text, Does.Not.Contain("132 - 19"));
        }
        Assert.That(text, Does.EndWith("132.\n"));
    }

    [Test]
    public async Task StopIdsEndAsTheEndOfTextDoes()
    {
        GenerationRequest request = Ask(new() { SoftThinking = false, AfterThinking = new() { Temperature = 0 } });
        GeneratedSample whole = (await _engine.GenerateAsync(request)).Samples[0];
        int id = whole.Tokens[10].Token.Token, at = whole.Tokens.ToList().FindIndex(step => step.Token.Token == id);
        GeneratedSample cut = (await _engine.GenerateAsync(request with { StopIds = [454, id] })).Samples[0];
        Assert.That(cut.Tokens, Has.Count.EqualTo(at + 1));
        Assert.That((cut.FinishReason, cut.Tokens[^1].Text), Is.EqualTo((FinishReason.Stop, "")));
    }

    [Test]
    public async Task EndOfTextCanBeIgnored()
    {
        GeneratedSample sample = (await _engine.GenerateAsync(Ask(new()) with { IgnoreEndOfText = true, MaxNewTokens = 300 })).Samples[0];
        Assert.That((sample.Tokens.Count, sample.FinishReason), Is.EqualTo((300, FinishReason.Length)));
    }

    [Test]
    public async Task LogProbsAreThoseOfTheDistribution()
    {
        SamplingOptions sampling = new() { SoftThinking = false, AfterThinking = new() { Temperature = 1, TopK = 0, TopP = 1 } };
        GeneratedSample sample = (await _engine.GenerateAsync(Ask(sampling) with { LogProbs = 20 })).Samples[0];
        foreach (GeneratedToken step in sample.Tokens)
        {
            IReadOnlyList<(int Id, float LogProb)> top = step.LogProbs!.Top;
            Assert.That(top, Has.Count.EqualTo(20));
            Assert.That(top.Select(entry => entry.LogProb), Is.Ordered.Descending);
            Assert.That(top.Sum(entry => Math.Exp(entry.LogProb)), Is.InRange(0.5, 1 + 1e-6));
            // Of the 455 ids the 20 likeliest carry nearly all of the entropy, and never more.
            double entropy = -top.Sum(entry => Math.Exp(entry.LogProb) * entry.LogProb);
            Assert.That(entropy, Is.LessThan(step.Entropy + 1e-4));
            float[] found = [.. top.Where(entry => entry.Id == step.Token.Token).Select(entry => entry.LogProb)];
            Assert.That(step.LogProbs.Token, found.Length == 1 ? Is.EqualTo(found[0]) : Is.LessThanOrEqualTo(top[^1].LogProb));
        }
        Assert.That((await _engine.GenerateAsync(Ask(sampling) with { LogProbs = 0 })).Samples[0].Tokens[0].LogProbs!.Top, Is.Empty);
        Assert.That((await _engine.GenerateAsync(Ask(sampling))).Samples[0].Tokens[0].LogProbs, Is.Null);
    }

    [Test]
    public async Task ASoftWeightIsTheRenormalisedProbability()
    {
        SamplingOptions sampling = new() { Thinking = new() { Temperature = 1, TopK = 5, TopP = 1 }, MaxTopk = 5 };
        GeneratedSample sample = (await _engine.GenerateAsync(Ask(sampling) with { LogProbs = 5 })).Samples[0];
        GeneratedToken[] soft = [.. sample.Tokens.Where(step => step.Soft && step.Token.Count == 5)];
        Assert.That(soft, Is.Not.Empty);
        foreach (GeneratedToken step in soft)
        {
            double[] mass = [.. step.LogProbs!.Top.Select(entry => Math.Exp(entry.LogProb))];
            Assert.That(step.Token.Entries.Select(entry => entry.Id), Is.EqualTo(step.LogProbs.Top.Select(entry => entry.Id)));
            for (int i = 0; i < 5; i++)
                Assert.That(step.Token.Entries[i].Weight, Is.EqualTo(mass[i] / mass.Sum()).Within(1e-5));
        }
    }

    [Test]
    public async Task StreamAndResultAreEqual()
    {
        GenerationRequest request = Ask(new() { Seed = 9 }) with { Samples = 2 };
        GenerationResult result = await _engine.GenerateAsync(request);
        GenerationAccumulator all = new();
        Assert.That(() => all.ToResult(), Throws.InvalidOperationException);
        await foreach (GenerationEvent next in _engine.StreamAsync(request))
            all.Add(next);
        for (int i = 0; i < 2; i++)
            Assert.That(Bits.Of(all.ToResult().Samples[i]), Is.EqualTo(Bits.Of(result.Samples[i])));
        Assert.That(result.Answer, Does.Contain("\\boxed{113}"));
        Assert.That(result.Samples[0].ThinkingEnd, Is.EqualTo(ThinkingEnd.Model));
        Assert.That(result.Samples[0].Thinking, Does.Contain("132").And.Not.Contain("think"));
    }

    [Test]
    public void OptionsOutOfRangeNameTheOptionAndItsRange()
    {
        GenerationRequest request = new() { Prompt = new TokenPrompt([]) };
        void Refused(Func<object> make, string message) =>
            Assert.That(make, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains(message));
        Refused(() => request with { Samples = 0 }, "Samples must be 1 to 256");
        Refused(() => request with { LogProbs = 21 }, "LogProbs must be 0 to 20");
        Refused(() => request with { StopStrings = [""] }, "StopStrings must be at most 16, none empty");
        Refused(() => request with { StopIds = [-1] }, "StopIds must be at most 64, each 0 or more");
        Refused(() => request with { MaxNewTokens = 0 }, "MaxNewTokens must be 1 or more");
        Refused(() => request with { Priority = 1001 }, "Priority must be -1000 to 1000");
        Refused(() => new EngineOptions { MaxSequences = 0 }, "MaxSequences must be 1 to 1024");
        Refused(() => new EngineOptions { StepTokens = 0 }, "StepTokens must be 1 to 65536");
        Refused(() => new EngineOptions { KvCacheBytes = 0 }, "KvCacheBytes must be 1 or more");
        Refused(() => new EngineOptions { ContextLength = 1 }, "ContextLength must be 2 or more");
        Refused(() => new EngineOptions { MaxTopk = 1025 }, "MaxTopk must be 1 to 1024");
        Refused(() => new EngineOptions { QueueLength = 0 }, "QueueLength must be 1 or more");
        Refused(() => new EngineOptions { MaxNewTokens = 0 }, "MaxNewTokens must be 1 or more");
    }

    private GenerationRequest Ask(SamplingOptions sampling) => Problems.Ask(_engine, Question, sampling);
}
