using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;
using SoftThinking.Cache;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests;

/// <summary>A request gives the same bits alone and in any company.</summary>
public class SameBitsTests
{
    /// <summary>How an engine is set up, and what comes to it when.</summary>
    /// <param name="SpareBlocks">Blocks beyond what the longest request needs; few of them force preemptions.</param>
    private sealed record Schedule(
        int Threads, int MaxSequences, int StepTokens, int SpareBlocks, bool PrefixCache, Arrival[] Arrivals);

    /// <param name="Request">Which of the workload.</param>
    /// <param name="Delay">Microseconds after the one before.</param>
    /// <param name="CancelAfter">Microseconds after which it is cancelled; -1: never.</param>
    /// <param name="Reads">Whether it is read step by step.</param>
    /// <param name="Scores">Whether its output is scored in place of being generated.</param>
    private sealed record Arrival(int Request, int Delay, int CancelAfter, bool Reads, bool Scores);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("softthinking-");
    private readonly Dictionary<(int Ranks, bool Windows), Setting> _settings = [];
    private Setting _setting = null!;
    private long _preemptions;
    private long _cached;
    private int _compared;
    private int _cancelled;
    private int _scored;

    /// <param name="BlockBytes">Of a KV block on a device.</param>
    private sealed record Setting(string Model, int Ranks, Workload Workload, KvLayout Layout, long BlockBytes);

    [OneTimeSetUp]
    public async Task MakeWorkload()
    {
        foreach (int ranks in (int[])[1, 2])
        {
            // The eight heads read one KV head, which every rank holds.
            string model = ranks == 1 ? TestData.TinyReasoner : EightHeads.Write(_folder.CreateSubdirectory("eight").FullName);
            _settings[(ranks, false)] = await SettingOf(model, ranks);
            string windows = SlidingLayers.Write(model, _folder.CreateSubdirectory($"windows-{ranks}").FullName, window: 21);
            _settings[(ranks, true)] = await SettingOf(windows, ranks);
        }

        static async Task<Setting> SettingOf(string model, int ranks)
        {
            ModelInspection found = ModelInspection.Read(model);
            KvLayout layout = KvLayout.Of(found.Config);
            return new(model, ranks, await Workload.MakeAsync(model), layout, 16 * found.KvBytesPerToken * layout.LayersPerBlock / found.Config.Layers);
        }
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    /// <param name="ranks">Devices that share the model; the requests alone have one.</param>
    /// <param name="windows">Whether most layers have a sliding window.</param>
    [TestCase(20, 1, false)]
    [TestCase(200, 1, false, Category = "Slow")]
    [TestCase(10, 2, false)]
    [TestCase(100, 2, false, Category = "Slow")]
    [TestCase(10, 1, true)]
    [TestCase(100, 1, true, Category = "Slow")]
    [TestCase(100, 2, true, Category = "Slow")]
    public void AnyScheduleProducesTheBitsOfTheRequestAlone(int schedules, int ranks, bool windows)
    {
        _setting = _settings[(ranks, windows)];
        (_compared, _cancelled, _scored, _preemptions, _cached) = (0, 0, 0, 0, 0);
        Prop.ForAll(Arb.From(Any(_setting.Workload.Requests.Count)), schedule => Run(schedule).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(schedules));
        TestContext.Progress.WriteLine(
            $"{schedules} schedules: {_compared} results compared, {_scored} of replays, {_cancelled} cancelled, {_preemptions} preemptions, {_cached} cached tokens");
        // The schedules must have met what they are for; of few of them some may not.
        Assert.That(_compared, Is.GreaterThan(2 * schedules));
        Assert.That(_scored, Is.GreaterThan(schedules / 4));
        if (schedules < 100)
            return;
        Assert.That(_compared, Is.GreaterThan(3 * schedules));
        Assert.That(_scored, Is.GreaterThan(schedules));
        Assert.That(_cancelled, Is.GreaterThan(schedules / 4));
        Assert.That(_preemptions, Is.GreaterThan(schedules / 4));
        // Of a prefix, windows need blocks that such small pools seldom keep: on average 20 tokens a schedule, at times half of that.
        Assert.That(_cached, Is.GreaterThan((windows ? 4 : 16) * schedules));
    }

    private static Gen<Schedule> Any(int requests)
    {
        Gen<Arrival> arrival =
            from request in Gen.Choose(0, requests - 1)
            from delay in Gen.OneOf(Gen.Constant(0), Gen.Choose(0, 3000))
            from cancelled in Gen.Frequency((4, Gen.Constant(-1)), (1, Gen.Choose(0, 8000)))
            from reads in ArbMap.Default.GeneratorFor<bool>()
            from scores in Gen.Frequency((3, Gen.Constant(false)), (1, Gen.Constant(true)))
            select new Arrival(request, delay, cancelled, reads, scores);
        return
            from threads in Gen.Choose(1, 3)
            from sequences in Gen.Choose(2, 12)
            from tokens in Gen.OneOf(Gen.Choose(1, 40), Gen.Choose(16, 300))
            from spare in Gen.Frequency((3, Gen.Choose(0, 2)), (1, Gen.Choose(0, 120)))
            from cache in Gen.Frequency((3, Gen.Constant(true)), (1, Gen.Constant(false)))
            from count in Gen.Choose(4, 16)
            from arrivals in Gen.ArrayOf(arrival, count)
            select new Schedule(threads, sequences, tokens, spare, cache, arrivals);
    }

    private async Task Run(Schedule schedule)
    {
        // A window needs room for a step's rows, so that only short steps leave little.
        int stepTokens = _setting.Layout.Groups == 1 ? schedule.StepTokens : Math.Min(schedule.StepTokens, 20);
        long blocks = _setting.Layout.BlocksHeld(_setting.Workload.Longest, Math.Max(stepTokens, schedule.MaxSequences)) + schedule.SpareBlocks;
        await using Engine engine = Engine.Load(_setting.Model, new EngineOptions
        {
            Threads = schedule.Threads,
            TensorParallel = _setting.Ranks,
            MaxSequences = schedule.MaxSequences,
            StepTokens = stepTokens,
            KvCacheBytes = blocks * _setting.BlockBytes,
            PrefixCache = schedule.PrefixCache,
        });
        List<Task> running = [];
        foreach (Arrival arrival in schedule.Arrivals)
        {
            await Wait(arrival.Delay);
            running.Add(Check(engine, arrival));
        }
        await Task.WhenAll(running);
        Interlocked.Add(ref _preemptions, engine.Statistics.Preemptions);
    }

    private async Task Check(Engine engine, Arrival arrival)
    {
        CancellationTokenSource source = new(); // not disposed: it may be cancelled late
        if (arrival.CancelAfter >= 0)
            _ = Wait(arrival.CancelAfter).ContinueWith(_ => source.Cancel(), TaskScheduler.Default);
        GeneratedSample sample;
        try
        {
            if (arrival.Scores)
            {
                (ScoreRequest replay, ReplayScores alone) = _setting.Workload.Replays[arrival.Request];
                Assert.That(ReplayBits.Same(await engine.ScoreAsync(replay, source.Token), alone), Is.True, $"scores of request {arrival.Request}");
                Interlocked.Increment(ref _scored);
                return;
            }
            GenerationRequest request = _setting.Workload.Requests[arrival.Request];
            sample = arrival.Reads
                ? await ReadAsync(engine, request, source.Token)
                : (await engine.GenerateAsync(request, source.Token)).Samples[0];
        }
        catch (OperationCanceledException) when (arrival.CancelAfter >= 0)
        {
            Interlocked.Increment(ref _cancelled);
            return;
        }
        Assert.That(Bits.Of(sample), Is.EqualTo(_setting.Workload.Alone[arrival.Request]), $"request {arrival.Request}");
        Interlocked.Increment(ref _compared);
        Interlocked.Add(ref _cached, sample.Usage.CachedTokens);
    }

    private static async Task<GeneratedSample> ReadAsync(Engine engine, GenerationRequest request, CancellationToken cancellation)
    {
        GenerationAccumulator all = new();
        await foreach (GenerationEvent next in engine.StreamAsync(request, cancellation))
            all.Add(next);
        return all.ToResult().Samples[0];
    }

    // Finer than Task.Delay: the steps of the demonstration model take less than a millisecond.
    private static Task Wait(int microseconds) => microseconds == 0
        ? Task.CompletedTask
        : Task.Run(() => Thread.Sleep(TimeSpan.FromMicroseconds(microseconds)));
}
