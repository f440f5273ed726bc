using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>Limits, ends, faults, and what the engine tells about itself.</summary>
[NonParallelizable]
public class LifetimeTests
{
    [Test]
    public async Task LimitsAreRefusedAtSubmission()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions
        {
            MaxSequences = 1,
            QueueLength = 3,
            ContextLength = 100,
            MaxNewTokens = 50,
            MaxTopk = 4,
        });
        SamplingOptions sampling = new() { MaxTopk = 4 };
        Assert.That(engine.ContextLength, Is.EqualTo(100));
        Refused(Plain(100) with { Sampling = sampling }, GenerationLimit.Context, "context of 100");
        Refused(Plain(10) with { Sampling = sampling, MaxNewTokens = 51 }, GenerationLimit.Output, "MaxNewTokens is 50");
        Refused(Plain(10) with { Sampling = sampling with { MaxTopk = 5 } }, GenerationLimit.MaxTopk, "the strategy soft mixes up to 5 tokens");
        Refused(Plain(10) with { Sampling = sampling, Samples = 4 }, GenerationLimit.Queue, "queue of 3 has no room for 4");
        Task<GenerationResult>[] taken = [.. Enumerable.Range(0, 3).Select(_ =>
            engine.GenerateAsync(Plain(90) with { Sampling = sampling, IgnoreEndOfText = true }))];
        GenerationResult[] results = await Task.WhenAll(taken);
        Assert.That(results.Select(result => result.Samples[0].Tokens.Count), Has.All.EqualTo(10), "the context is full");
        await engine.GenerateAsync(Plain(90) with { Sampling = sampling, Samples = 3 });

        void Refused(GenerationRequest request, GenerationLimit limit, string message) =>
            Assert.That(() => engine.GenerateAsync(request), Throws.InstanceOf<GenerationLimitException>()
                .With.Property("Limit").EqualTo(limit).And.Message.Contains(message));
    }

    /// <summary>What depends on the model is refused when it is loaded.</summary>
    [Test]
    public async Task AContextBeyondTheModelsIsRefused()
    {
        EngineOptions options = new() { ContextLength = 1024, MaxSequences = 1 };
        await using (Engine engine = Engine.Load(TestData.TinyReasoner, options))
            Assert.That(engine.ContextLength, Is.EqualTo(1024));
        Refused(options with { ContextLength = 1025 }, "ContextLength must be at most 1024, the model's limit of positions, not 1025");
        Refused(options with { KvCacheBytes = 1 }, "KvCacheBytes must be at least ");

        static void Refused(EngineOptions options, string message) =>
            Assert.That(() => Engine.Load(TestData.TinyReasoner, options), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.StartsWith(message)
                .And.Property(nameof(ArgumentException.ParamName)).EqualTo(message.Split(' ')[0]));
    }

    [Test]
    public async Task DisposingEndsWhatRuns()
    {
        Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { MaxSequences = 2 });
        Task<GenerationResult>[] tasks = [.. Enumerable.Range(0, 8).Select(_ => engine.GenerateAsync(Long()))];
        while (engine.Statistics.EngineSteps < 5)
            await Task.Yield();
        await engine.DisposeAsync();
        foreach (Task<GenerationResult> task in tasks)
            Assert.That(async () => await task, Throws.InstanceOf<ObjectDisposedException>().With.Message.Contains("before the generation ended"));
        EngineStatistics last = engine.Statistics;
        Assert.That((last.Waiting, last.Running, last.BlocksUsed), Is.EqualTo((0, 0, 0)));
        Assert.That((last.EngineSteps, last.Blocks), Is.GreaterThanOrEqualTo((5L, 1)));
        Assert.That(() => engine.GenerateAsync(Long()), Throws.InstanceOf<ObjectDisposedException>());
        await engine.DisposeAsync();
    }

    [Test]
    public async Task DrainingWaitsForWhatRuns()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { MaxSequences = 2 });
        Task<GenerationResult>[] tasks = [.. Enumerable.Range(0, 5).Select(_ => engine.GenerateAsync(Plain(20) with { MaxNewTokens = 50 }))];
        Task drained = engine.DrainAsync();
        Assert.That(() => engine.GenerateAsync(Plain(20)), Throws.InstanceOf<GenerationException>().With.Message.Contains("drained"));
        await drained;
        foreach (Task<GenerationResult> task in tasks)
            Assert.That((await task).Samples[0].Tokens, Is.Not.Empty);
    }

    [Test]
    public async Task SubmittingAndDisposingMayMeet()
    {
        for (int round = 0; round < 20; round++)
        {
            Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Threads = 1 });
            Task[] callers = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                try
                {
                    for (int i = 0; i < 50; i++)
                        await engine.GenerateAsync(Plain(10) with { MaxNewTokens = 5 });
                }
                catch (ObjectDisposedException)
                {
                }
            }))];
            await Task.Delay(round);
            await engine.DisposeAsync();
            await Task.WhenAll(callers).WaitAsync(TimeSpan.FromMinutes(1));
        }
    }

    /// <summary>A checkpoint one of whose embeddings is NaN: whoever uses that token fails, nobody else does, and nothing
    /// of it is left in blocks that others use later.</summary>
    [Test]
    public async Task BadLogitsEndOneRequest()
    {
        const int Poisoned = 300;
        using PoisonedModel model = new("qwen2", Poisoned);
        await using Engine engine = Engine.Load(model.Folder, new EngineOptions { KvCacheBytes = 1 << 20, MaxSequences = 4 });
        GenerationRequest good = Plain(40) with { MaxNewTokens = 60, Sampling = Any, IgnoreEndOfText = true };
        GenerationRequest bad = good with { Prompt = new TokenPrompt([.. ((TokenPrompt)good.Prompt).Tokens.Take(20), new ConceptToken(Poisoned), .. ((TokenPrompt)good.Prompt).Tokens.Take(200)]) };
        string[] expected = Bits.Of((await engine.GenerateAsync(good)).Samples[0]);
        for (int round = 0; round < 10; round++)
        {
            Task<GenerationResult>[] goods = [.. Enumerable.Range(0, 3).Select(_ => engine.GenerateAsync(good))];
            Task<GenerationResult> failing = engine.GenerateAsync(bad with { Samples = 2 });
            Assert.That(async () => await failing, Throws.InstanceOf<GenerationException>().With.Message.Contains("NaN"));
            foreach (Task<GenerationResult> task in goods)
                Assert.That(Bits.Of((await task).Samples[0]), Is.EqualTo(expected), $"round {round}");
        }
        Assert.That(engine.Statistics.BlocksUsed, Is.Zero);
    }

    [Test]
    public async Task SteadyStepsAllocateNothing()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        GenerationRequest request = Plain(30) with { MaxNewTokens = 900, IgnoreEndOfText = true, Sampling = Any };
        await engine.GenerateAsync(request); // warm
        Task<GenerationResult>[] tasks = [.. Enumerable.Range(0, 8).Select(i =>
            engine.GenerateAsync(request with { Sampling = Any with { Seed = (ulong)i } }))];
        long first = engine.Statistics.EngineSteps;
        while (engine.Statistics.EngineSteps < first + 100)
            await Task.Delay(1);
        (long steps, long bytes) = (engine.Statistics.EngineSteps, engine.AllocatedBytes);
        while (engine.Statistics.EngineSteps < first + 600)
            await Task.Delay(1); // asking all the time would make the engine wait for its own lock, which allocates
        long allocated = engine.AllocatedBytes - bytes, count = engine.Statistics.EngineSteps - steps;
        TestContext.Progress.WriteLine($"{allocated} bytes in {count} steps of 8 sequences");
        await Task.WhenAll(tasks);
        Assert.That(allocated, Is.Zero);
    }

    [Test]
    public async Task TheLogReportsWhatHappens()
    {
        ListLogger logger = new();
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Logger = logger, MaxSequences = 2 });
        await engine.GenerateAsync(Plain(40) with { MaxNewTokens = 10, IgnoreEndOfText = true });
        Assert.That(logger.Lines, Has.Some.StartsWith("Information Loaded"));
        Assert.That(logger.Lines, Has.Exactly(1).StartsWith("Debug Started sample 0: 40 prompt tokens"));
        Assert.That(logger.Lines, Has.Exactly(1).EqualTo("Debug Finished sample 0: 10 tokens, Length"));
    }

    private static SamplingOptions Any => new() { Seed = 0, SoftThinking = false, AfterThinking = new() { Temperature = 1 } };

    private static GenerationRequest Plain(int tokens) => new()
    {
        Prompt = new TokenPrompt([.. Enumerable.Range(0, tokens).Select(i => new ConceptToken(i * 3 % 250 + 2))]),
    };

    private static GenerationRequest Long() => Plain(20) with { MaxNewTokens = 900, IgnoreEndOfText = true };
}
