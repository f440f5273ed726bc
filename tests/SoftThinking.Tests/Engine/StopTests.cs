using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>What ends a text, and what must not.</summary>
public class StopTests
{
    private Engine _engine = null!;

    [OneTimeSetUp]
    public void Load() => _engine = Engine.Load(TestData.TinyReasoner);

    [OneTimeTearDown]
    public async Task Free() => await _engine.DisposeAsync();

    [Test]
    public async Task StopStringsEndTheAnswerOnlyUnlessAskedTo()
    {
        GenerationRequest request = Ask() with { StopStrings = ["1", "boxed{"] };
        GeneratedSample sample = (await _engine.GenerateAsync(request)).Samples[0];
        Assert.That(sample.Thinking, Does.Contain("1"));
        Assert.That(sample.Answer, Is.EqualTo("The answer is \\"));
        Assert.That((sample.FinishReason, sample.Stop), Is.EqualTo((FinishReason.Stop, new StopMatch("boxed{", null))));
        GeneratedSample early = (await _engine.GenerateAsync(request with { StopInThinking = true })).Samples[0];
        Assert.That((early.Thinking.Contains('1'), early.Answer, early.Stop!.Text), Is.EqualTo((false, "", "1")));
    }

    [Test]
    public async Task TheEndOfTextIsReportedAsTheStop()
    {
        GeneratedSample sample = (await _engine.GenerateAsync(Ask())).Samples[0];
        Assert.That(sample.Stop, Is.EqualTo(new StopMatch(null, _engine.Defaults.EosIds[0])));
        GeneratedSample cut = (await _engine.GenerateAsync(Ask() with { MaxNewTokens = 3 })).Samples[0];
        Assert.That((cut.FinishReason, cut.Stop), Is.EqualTo((FinishReason.Length, (StopMatch?)null)));
    }

    /// <summary>The engine ends the sample by itself, and its blocks are free, while its text is not read.</summary>
    [Test]
    public async Task AStopStringEndsASampleThatIsReadSlowly()
    {
        GenerationRequest request = Ask() with { StopStrings = ["answer"], MaxNewTokens = null, IgnoreEndOfText = true };
        int whole = (await _engine.GenerateAsync(request)).Samples[0].Tokens.Count;
        await using IAsyncEnumerator<GenerationEvent> events = _engine.StreamAsync(request).GetAsyncEnumerator();
        await events.MoveNextAsync();
        await Until(() => _engine.Statistics is { Running: 0, Waiting: 0, BlocksUsed: 0 });
        GenerationAccumulator all = new();
        do
            all.Add(events.Current);
        while (await events.MoveNextAsync());
        Assert.That(all.ToResult().Samples[0].Tokens, Has.Count.EqualTo(whole));
    }

    /// <summary>A result that is complete is returned, although the engine is no more.</summary>
    [Test]
    public async Task ACompleteResultOutlivesTheEngine()
    {
        Engine engine = Engine.Load(TestData.TinyReasoner);
        await using IAsyncEnumerator<GenerationEvent> events = engine.StreamAsync(Ask() with { StopStrings = ["answer"] }).GetAsyncEnumerator();
        await events.MoveNextAsync();
        await Until(() => engine.Statistics is { Running: 0, Waiting: 0 });
        engine.Dispose();
        GenerationAccumulator all = new();
        do
            all.Add(events.Current);
        while (await events.MoveNextAsync());
        Assert.That(all.ToResult().Samples[0].Stop!.Text, Is.EqualTo("answer"));
    }

    /// <summary>The operator's limit holds for requests without one of their own.</summary>
    [Test]
    public async Task TheEnginesLimitIsTheDefault()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { MaxNewTokens = 5 });
        GeneratedSample sample = (await engine.GenerateAsync(Ask() with { MaxNewTokens = null })).Samples[0];
        Assert.That((sample.Tokens.Count, sample.FinishReason), Is.EqualTo((5, FinishReason.Length)));
    }

    [Test]
    public async Task MinimumTokensHoldBackTheEndOfText([Values] bool soft)
    {
        GenerationRequest request = Ask() with { MaxNewTokens = 400, Sampling = new() { Seed = 2, SoftThinking = soft } };
        int usual = (await _engine.GenerateAsync(request)).Samples[0].Tokens.Count;
        GeneratedSample longer = (await _engine.GenerateAsync(request with { MinNewTokens = usual + 20 })).Samples[0];
        Assert.That(longer.Tokens.Count, Is.GreaterThan(usual + 20));
        Assert.That(longer.Tokens.Take(usual + 20).SelectMany(token => token.Token.Entries).Select(entry => entry.Id),
            Has.None.EqualTo(_engine.Defaults.EosIds[0]));
        GeneratedSample stopped = (await _engine.GenerateAsync(request with { MinNewTokens = 30, StopStrings = ["1"], StopInThinking = true })).Samples[0];
        Assert.That(stopped.Tokens, Has.Count.GreaterThan(30));
    }

    [Test]
    public async Task BiasesForceAndForbidTokens()
    {
        int forced = _engine.Tokenizer.TokenId("7")!.Value;
        SamplingOptions sampling = new() { Seed = 0, LogitBias = new Dictionary<int, float> { [forced] = 1000 } };
        GeneratedSample sample = (await _engine.GenerateAsync(Ask() with { Sampling = sampling, MaxNewTokens = 8 })).Samples[0];
        Assert.That(sample.Tokens.Select(token => token.Token), Has.All.EqualTo(new ConceptToken(forced)));
        SamplingOptions forbidding = new() { Seed = 0, LogitBias = new Dictionary<int, float> { [forced] = -1000 } };
        GeneratedSample without = (await _engine.GenerateAsync(Ask() with { Sampling = forbidding })).Samples[0];
        Assert.That(without.Tokens.SelectMany(token => token.Token.Entries).Where(entry => entry.Weight > 0).Select(entry => entry.Id), Has.None.EqualTo(forced));
        Assert.That(async () => await _engine.GenerateAsync(Ask() with { Sampling = new() { LogitBias = new Dictionary<int, float> { [5000] = 1 } } }),
            Throws.TypeOf<RequestOptionException>().With.Message.Contains("token 5000"));
        Assert.That(() => new SamplingOptions { LogitBias = new Dictionary<int, float> { [1] = float.NaN } }, Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public async Task WithoutASeedResultsDifferAndNameTheirs()
    {
        GenerationRequest request = Ask() with
        {
            Sampling = new() { SoftThinking = false, AfterThinking = new() { Temperature = 5, TopK = 0, TopP = 1 } },
            MaxNewTokens = 30,
        };
        GenerationResult one = await _engine.GenerateAsync(request with { Samples = 2 }), two = await _engine.GenerateAsync(request);
        Assert.That(one.Samples[0].Seed, Is.Not.EqualTo(two.Samples[0].Seed));
        Assert.That(one.Samples[0].Text, Is.Not.EqualTo(two.Samples[0].Text));
        Assert.That(one.Samples[1].Seed, Is.EqualTo(one.Samples[0].Seed + 1));
        foreach (GeneratedSample sample in one.Samples)
        {
            GenerationResult again = await _engine.GenerateAsync(request with { Sampling = request.Sampling with { Seed = sample.Seed } });
            Assert.That(Bits.Of(again.Samples[0]), Is.EqualTo(Bits.Of(sample)));
        }
    }

    [Test]
    public void ErrorsComeWithTheTask()
    {
        Task<GenerationResult> task = _engine.GenerateAsync(Ask() with { Prompt = new TokenPrompt([]) });
        Assert.That(task.IsFaulted);
        Assert.That(async () => await task, Throws.ArgumentException.With.Message.Contains("empty"));
    }

    private static async Task Until(Func<bool> condition)
    {
        using CancellationTokenSource late = new(TimeSpan.FromMinutes(1));
        while (!condition())
            await Task.Delay(1, late.Token);
    }

    private static GenerationRequest Ask() =>
        GenerationRequest.FromQuestion("What is 47 + 85 - 19?") with { Sampling = new() { Seed = 3 }, MaxNewTokens = 400 };
}
