using NUnit.Framework;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests;

/// <summary>Many requests at once, with little to run them on.</summary>
[NonParallelizable]
public class LoadTests
{
    private long _blockBytes;

    [OneTimeSetUp]
    public void Measure() => _blockBytes = 16 * ModelInspection.Read(TestData.TinyReasoner).KvBytesPerToken;

    [Test]
    public async Task TwoHundredRequestsFinishInAPoolForTen()
    {
        const int Requests = 200, PromptTokens = 96, NewTokens = 64, BlocksEach = (PromptTokens + NewTokens) / 16;
        GenerationRequest[] requests = [.. Enumerable.Range(0, Requests).Select(i => Fixed(i, PromptTokens, NewTokens))];
        string[][] expected;
        await using (Engine roomy = Engine.Load(TestData.TinyReasoner, new EngineOptions { MaxSequences = 64 }))
            expected = [.. (await Task.WhenAll(requests.Select(request => roomy.GenerateAsync(request)))).Select(result => Bits.Of(result.Samples[0]))];

        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions
        {
            MaxSequences = 64, // many more than the blocks serve, so that they run out
            KvCacheBytes = 10 * BlocksEach * _blockBytes,
        });
        Assert.That(engine.Statistics.Blocks, Is.EqualTo(10 * BlocksEach));
        int finished = 0;
        int[] place = new int[Requests];
        await Task.WhenAll(requests.Select(async (request, i) =>
        {
            string[] bits = Bits.Of((await engine.GenerateAsync(request)).Samples[0]);
            place[i] = Interlocked.Increment(ref finished) - 1;
            Assert.That(bits, Is.EqualTo(expected[i]), $"request {i}");
        }));
        EngineStatistics end = engine.Statistics;
        TestContext.Progress.WriteLine($"{end.EngineSteps} steps, {end.Preemptions} preemptions");
        Assert.That((end.BlocksUsed, end.Running, end.Waiting), Is.EqualTo((0, 0, 0)));
        Assert.That(end.Preemptions, Is.GreaterThan(0));
        // All are of one length, so they end in the order they came, but for those under way together (fewer than 64)
        // and for the order in which the threads that wait get to note it.
        for (int i = 0; i < Requests; i++)
            Assert.That(place[i], Is.EqualTo(i).Within(64 + 16), $"request {i}");
    }

    [Test]
    [Category("Slow")]
    public async Task FiveHundredCancellationsLeakNothingAndDisturbNobody()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { KvCacheBytes = 100 * _blockBytes });
        GenerationRequest steady = Fixed(1000, 30, 300);
        string[] expected = Bits.Of((await engine.GenerateAsync(steady)).Samples[0]);
        Random random = new(4);
        int cancelled = 0;
        List<Task> all = [];
        for (int i = 0; i < 500; i++)
        {
            // 20 of each 100 go on to their end.
            all.Add(i % 5 == 0 ? Stay() : Leave(i, random.Next(0, 30)));
            if (i % 10 == 0)
                await Task.Delay(1);
        }
        for (int i = 0; i < 100; i++)
            all.Add(Leave(500 + i, random.Next(0, 30)));
        await Task.WhenAll(all).WaitAsync(TimeSpan.FromMinutes(5));
        await Idle(engine);
        TestContext.Progress.WriteLine($"{cancelled} of 500 cancelled before their end, {engine.Statistics.Preemptions} preemptions");
        Assert.That(cancelled, Is.GreaterThan(250));
        Assert.That((engine.Statistics.BlocksUsed, engine.Statistics.Running, engine.Statistics.Waiting), Is.EqualTo((0, 0, 0)));
        Assert.That(Bits.Of((await engine.GenerateAsync(steady)).Samples[0]), Is.EqualTo(expected));

        async Task Stay() => Assert.That(Bits.Of((await engine.GenerateAsync(steady)).Samples[0]), Is.EqualTo(expected));

        async Task Leave(int seed, int afterSteps)
        {
            using CancellationTokenSource source = new();
            int steps = 0;
            try
            {
                if (afterSteps == 0)
                    source.CancelAfter(TimeSpan.FromMilliseconds(seed % 7));
                await foreach (GenerationEvent next in engine.StreamAsync(Fixed(seed, 20 + seed % 60, 100), source.Token))
                {
                    if (next is not GeneratedToken)
                        continue;
                    if (++steps == afterSteps && seed % 2 == 0)
                        source.Cancel();
                    else if (steps == afterSteps)
                        break; // to stop reading is to cancel
                }
                Interlocked.Add(ref cancelled, steps == afterSteps ? 1 : 0);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cancelled);
            }
        }
    }

    [Test]
    public async Task CancellationFreesTheBlocksAtOnce()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        using CancellationTokenSource source = new();
        Task<GenerationResult> task = engine.GenerateAsync(Fixed(1, 200, 800), source.Token);
        while (engine.Statistics.BlocksUsed < 14)
            await Task.Yield();
        source.Cancel();
        Assert.That(async () => await task, Throws.InstanceOf<OperationCanceledException>());
        await Idle(engine);
        Assert.That(engine.Statistics.BlocksUsed, Is.Zero);
    }

    /// <summary>Traffic of thirty requests a second, for so many seconds as SOFTTHINKING_SOAK_SECONDS says: in 120 of them come as many
    /// requests as in an hour with one a second.</summary>
    [Test, Category("Slow")]
    public async Task MemoryStaysFlatUnderTraffic()
    {
        int seconds = int.Parse(Environment.GetEnvironmentVariable("SOFTTHINKING_SOAK_SECONDS") ?? "15", System.Globalization.CultureInfo.InvariantCulture);
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { KvCacheBytes = 200 * _blockBytes, QueueLength = 100000 });
        Random random = new(1);
        System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
        double perSecond = 3600.0 / 120;
        int sent = 0, ended = 0, cancelled = 0;
        List<long> resident = [];
        List<Task> open = [];
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            for (; sent < clock.Elapsed.TotalSeconds * perSecond; sent++)
                open.Add(One(sent, random.Next(5) == 0 ? random.Next(1, 200) : -1));
            open.RemoveAll(task => task.IsCompletedSuccessfully);
            await Task.Delay(5);
            if (clock.Elapsed.TotalSeconds > resident.Count * seconds / 30.0)
                resident.Add(Resident());
        }
        await Task.WhenAll(open);
        await Idle(engine);
        // The first third is warm-up: the runtime compiles, the heap finds its size, the pool is touched for the first time.
        long[] half = [.. resident.Skip(10).Take(10)], rest = [.. resident.Skip(20)];
        TestContext.Progress.WriteLine(FormattableString.Invariant(
            $"{seconds} s, {sent} requests, {ended} ended, {cancelled} cancelled, {engine.Statistics.EngineSteps} steps; resident {half.Max() >> 20} MiB in the second third, {rest.Max() >> 20} MiB in the last"));
        Assert.That(engine.Statistics.BlocksUsed, Is.Zero);
        Assert.That(ended + cancelled, Is.EqualTo(sent));
        Assert.That(rest.Max(), Is.LessThan(half.Max() * 1.1 + (16 << 20)));

        async Task One(int number, int cancelAfter)
        {
            using CancellationTokenSource source = new();
            if (cancelAfter >= 0)
                source.CancelAfter(cancelAfter);
            try
            {
                GenerationRequest request = number % 3 == 0
                    ? Problems.Ask(engine, $"What is {number % 90} + {number % 70}?", new() { Seed = (ulong)number })
                    : Fixed(number % 40, 20 + number % 300, 20 + number % 200);
                await engine.GenerateAsync(request, source.Token);
                Interlocked.Increment(ref ended);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref cancelled);
            }
        }
    }

    private static long Resident()
    {
        using System.Diagnostics.Process process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <summary>Waits until the engine has noticed all cancellations.</summary>
    private static async Task Idle(Engine engine)
    {
        for (int i = 0; i < 1000 && (engine.Statistics.BlocksUsed > 0 || engine.Statistics.Running > 0); i++)
            await Task.Delay(5);
    }

    /// <summary>A request of exactly so many tokens; every third one draws, the others think softly and with noise.</summary>
    private static GenerationRequest Fixed(int seed, int promptTokens, int newTokens) => new()
    {
        Prompt = new TokenPrompt([.. Enumerable.Range(0, promptTokens).Select(i => new ConceptToken((seed * 31 + i * 7) % 400))]),
        Sampling = new()
        {
            Seed = (ulong)seed,
            SoftThinking = seed % 3 != 0,
            Strategy = seed % 3 == 1 ? new DirichletStrategy() : new SoftStrategy(),
            EarlyStoppingEntropyThreshold = 0,
        },
        MaxNewTokens = newTokens,
        IgnoreEndOfText = true,
    };
}
