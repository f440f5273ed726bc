using System.Diagnostics;
using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>Runs the measurements of `bench`.</summary>
internal sealed class Benchmark(BenchSettings settings, CancellationToken cancellation)
{
    private const int SuffixTokens = 16; // after a shared prefix

    // Disjoint sets of prompts, so that the prefix cache is hit only where intended.
    private const int ConcurrentSet = -1, PrefixSet = -2, SuffixSet = -3, WarmUpSet = -4, HttpSet = -5;

    /// <summary>Between the starts of two streams of the comparison with HTTP. If all started at once, those that come over HTTP some
    /// milliseconds later than the first would wait for its engine step, and not for HTTP.</summary>
    private static readonly TimeSpan HttpInterval = TimeSpan.FromMilliseconds(25);

    /// <summary>Measures the machine. Only tests set it.</summary>
    internal static Func<EngineOptions, MachineRates> Machine { get; set; } = MachineRates.Measure;

    private readonly Lazy<int> _positions = new(() => (settings.Shape?.Config ?? ModelInspection.Read(settings.Model).Config).MaxPositions);
    private readonly double _phases = CountPhases(settings);
    private int _phasesDone = -1; // none has started
    private volatile string _phase = "starting";
    private double _loaded;

    /// <summary>Description of the current phase, for display.</summary>
    public string Phase => _phase;

    /// <summary>Fraction of the work that is done, 0 to 1.</summary>
    public double Done => (Math.Max(0, Volatile.Read(ref _phasesDone)) + Volatile.Read(ref _loaded)) / _phases;

    public async Task<BenchReport> RunAsync()
    {
        Begin("measuring the machine");
        MachineRates machine = Machine(settings.Engine);
        Measured measured = await MeasureAsync();
        ConcurrencyResult? concurrency = settings.Concurrent is int requests ? await CompareAsync(requests) : null;
        IReadOnlyList<StrategyResult> strategies = settings.Strategies.Count > 0 ? await CompareStrategiesAsync() : [];
        HttpResult? http = settings.Http ? await CompareHttpAsync(settings.Batches.Max()) : null;
        IReadOnlyList<ProfileResult> profiles = settings.Profile ? await ProfileAsync() : [];
        // Again, because other processes may have slowed the first measurement, which would make the fractions too high.
        Begin("measuring the machine again");
        machine = machine.BestOf(Machine(settings.Engine));
        return new BenchReport(
            settings, machine, measured.Cost, measured.Load, measured.Results, strategies, concurrency, http, measured.Prefix, profiles, measured.FastPrefill);
    }

    private async Task<Measured> MeasureAsync()
    {
        long before = Environment.WorkingSet;
        bool peakIsOfLoading = PeakMemory.Restart();
        Stopwatch clock = Stopwatch.StartNew();
        await using Engine engine = Load(settings.Batches.Max(), prefixCache: true);
        LoadResult? load = settings.Shape == null
            ? new(clock.Elapsed.TotalSeconds, peakIsOfLoading ? PeakMemory.Bytes - before : null, engine.Cost().WeightBytes)
            : null;
        RandomPrompts prompts = await WarmUpAsync(engine);
        List<BenchResult> results = [];
        foreach (int batch in settings.Batches)
            results.Add(await MeasureAsync(engine, prompts, batch));
        PrefixResult? prefix = settings.Prefix ? await ReusePrefixAsync(engine, prompts) : null;
        return new Measured(engine.Cost(), load, engine.FastPrefill(), results, prefix);
    }

    private async Task<BenchResult> MeasureAsync(Engine engine, RandomPrompts prompts, int batch)
    {
        PeakMemory.Restart();
        BatchRun prefill = await PrefillAsync(engine, prompts, batch);
        if (settings.Context != settings.Prompt)
        {
            Begin($"batch {batch}: filling the context");
            await FollowAsync(engine, prompts.Requests(DecodedSet(batch), batch, settings.Context, 1));
        }
        long peak = PeakMemory.Bytes;
        (BatchRun decode, List<DecodeRun> runs, long decodePeak) = await DecodeAsync(engine, prompts, batch);
        return new BenchResult(
            batch,
            prefill.AllStarted,
            batch * settings.Prompt / prefill.AllStarted,
            prefill.TimeToFirstToken,
            runs,
            decode.MixedFraction,
            Math.Max(peak, decodePeak),
            decode.Hash);
    }

    /// <summary>Returns the fastest of several prefills, each of new prompts; the last prompts are those that are decoded.</summary>
    private async Task<BatchRun> PrefillAsync(Engine engine, RandomPrompts prompts, int batch)
    {
        BatchRun? best = null;
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"batch {batch}: prefill, {i + 1} of {settings.Repeat}");
            BatchRun run = await FollowAsync(engine, prompts.Requests(DecodedSet(batch) + settings.Repeat - 1 - i, batch, settings.Prompt, 1));
            if (best == null || run.AllStarted < best.AllStarted)
                best = run;
        }
        return best!;
    }

    /// <summary>Decodes the same prompts several times. The prefix cache holds their keys and values, so that all sequences start
    /// within a few engine steps. The reference bandwidth of each repetition is measured right before and after it, because other
    /// processes may use the machine.</summary>
    private async Task<(BatchRun Any, List<DecodeRun> Runs, long PeakMemoryBytes)> DecodeAsync(Engine engine, RandomPrompts prompts, int batch)
    {
        GenerationRequest[] requests = prompts.Requests(DecodedSet(batch), batch, settings.Context, settings.Generate);
        GenerationRequest[] greedy = prompts.Requests(DecodedSet(batch), batch, settings.Context, settings.Generate, RandomPrompts.Greedy);
        BatchRun? first = null;
        List<DecodeRun> runs = [];
        long peak = 0;
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"batch {batch}: decode, {i + 1} of {settings.Repeat}");
            double before = MachineRates.ReadBandwidthNow(settings.Engine);
            PeakMemory.Restart(); // excludes the bandwidth measurement
            BatchRun run = await FollowAsync(engine, requests);
            double? greedySeconds = settings.Greedy ? (await FollowAsync(engine, greedy)).MedianStepSeconds : null;
            peak = Math.Max(peak, PeakMemory.Bytes);
            double after = MachineRates.ReadBandwidthNow(settings.Engine);
            first ??= run;
            if (run.Hash != first.Hash)
                throw new GenerationException($"two identical runs of batch {batch} produced different outputs, with the hashes {first.Hash} and {run.Hash}");
            runs.Add(new DecodeRun(run.TokensPerSecond, run.MedianStepSeconds, (before + after) / 2, greedySeconds));
        }
        return (first!, runs, peak);
    }

    /// <summary>Runs requests sequentially and concurrently, without a prefix cache, so that both can use the same prompts
    /// and their outputs can be compared.</summary>
    private async Task<ConcurrencyResult> CompareAsync(int count)
    {
        await using Engine engine = Load(count, prefixCache: false);
        RandomPrompts prompts = await WarmUpAsync(engine);
        GenerationRequest[] requests = prompts.Requests(ConcurrentSet, count, settings.Prompt, settings.Generate);
        double sequential = double.PositiveInfinity, concurrent = double.PositiveInfinity;
        HashSet<string> hashes = [];
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"{count} sequential requests, {i + 1} of {settings.Repeat}");
            BatchRun first = await BatchRun.SequentialAsync(engine, requests, cancellation);
            Begin($"{count} concurrent requests, {i + 1} of {settings.Repeat}");
            BatchRun second = await BatchRun.ConcurrentAsync(engine, requests, cancellation);
            (sequential, concurrent) = (Math.Min(sequential, first.AllEnded), Math.Min(concurrent, second.AllEnded));
            hashes.UnionWith([first.Hash, second.Hash]);
        }
        return new ConcurrencyResult(count, sequential, concurrent, hashes.Count == 1);
    }

    /// <summary>Decodes the same prompts greedily and with each strategy, interleaved, because other processes may use the machine.</summary>
    private async Task<IReadOnlyList<StrategyResult>> CompareStrategiesAsync()
    {
        (string Name, SamplingOptions Sampling)[] kinds =
            [("greedy", RandomPrompts.Greedy), .. settings.Strategies.Select(strategy => (strategy.Name, RandomPrompts.Of(strategy)))];
        await using Engine engine = Load(settings.Batches.Max(), prefixCache: true, entries: kinds.Max(kind => kind.Sampling.Entries));
        RandomPrompts prompts = await WarmUpAsync(engine);
        List<StrategyResult> results = [];
        foreach (int batch in settings.Batches)
        {
            await FollowAsync(engine, prompts.Requests(DecodedSet(batch), batch, settings.Context, 1));
            List<BatchRun>[] runs = [.. kinds.Select(_ => new List<BatchRun>())];
            for (int i = 0; i < settings.Repeat; i++)
            {
                Begin($"batch {batch}: strategies, {i + 1} of {settings.Repeat}");
                for (int kind = 0; kind < kinds.Length; kind++)
                    runs[kind].Add(await FollowAsync(engine, prompts.Requests(DecodedSet(batch), batch, settings.Context, settings.Generate, kinds[kind].Sampling)));
            }
            results.AddRange(kinds.Select((kind, k) => new StrategyResult(batch, kind.Name, Best(runs[k]), Best(runs[0]), runs[k][0].MixedFraction)));
        }
        return results;

        static double Best(List<BatchRun> runs) => runs.Max(run => run.TokensPerSecond);
    }

    /// <summary>Runs the same requests alternately on an engine and through the server, without a prefix cache.</summary>
    private async Task<HttpResult> CompareHttpAsync(int batch)
    {
        Engine engine = Load(batch, prefixCache: false);
        await using HttpComparison http = await HttpComparison.StartAsync(engine);
        RandomPrompts prompts = await WarmUpAsync(engine);
        GenerationRequest[] requests = [.. prompts.Requests(HttpSet, batch, settings.Prompt, settings.Generate).Select(request => request with { Thinking = ThinkingStart.Auto })];
        List<ArrivalTimes> direct = [], served = [];
        for (int i = 0; i <= settings.Repeat; i++)
        {
            Begin($"batch {batch} with and without HTTP, {i} of {settings.Repeat}");
            direct.Add(await MeasureAsync((request, times) => FollowAsync(engine, request, times)));
            served.Add(await MeasureAsync((request, times) => http.FollowAsync(request, times, cancellation)));
        }
        return new HttpResult(batch, FirstToken(direct), FirstToken(served), Throughput(direct), Throughput(served));

        Task<ArrivalTimes> MeasureAsync(Func<GenerationRequest, List<long>, Task> run) =>
            ArrivalTimes.MeasureAsync(batch, HttpInterval, (i, times) => run(requests[i], times), cancellation);

        // The first repetition compiles code and opens connections.
        static double FirstToken(List<ArrivalTimes> runs) => BenchReport.Median(runs.Skip(1).Select(run => run.TimeToFirstToken));

        static double Throughput(List<ArrivalTimes> runs) => BenchReport.Median(runs.Skip(1).Select(run => run.TokensPerSecond));
    }

    private async Task FollowAsync(Engine engine, GenerationRequest request, List<long> times)
    {
        await foreach (GenerationEvent next in engine.StreamAsync(request, cancellation))
        {
            if (next is GeneratedToken)
                times.Add(Stopwatch.GetTimestamp());
        }
    }

    private async Task<PrefixResult> ReusePrefixAsync(Engine engine, RandomPrompts prompts)
    {
        double cold = double.PositiveInfinity, cached = double.PositiveInfinity;
        int found = 0;
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"prefix reuse, {i + 1} of {settings.Repeat}");
            ConceptToken[] shared = prompts.Tokens(PrefixSet, i, settings.Prompt);
            BatchRun first = await RunAfterAsync(shared, 2 * i), second = await RunAfterAsync(shared, 2 * i + 1);
            (cold, cached) = (Math.Min(cold, first.AllStarted), Math.Min(cached, second.AllStarted));
            found = second.CachedTokens;
        }
        return new PrefixResult(settings.Prompt, settings.Prompt + SuffixTokens, found, cold, cached);

        Task<BatchRun> RunAfterAsync(ConceptToken[] shared, int suffix) => FollowAsync(
            engine, [prompts.Request([.. shared, .. prompts.Tokens(SuffixSet, suffix, SuffixTokens)], suffix, generate: 1)]);
    }

    /// <summary>Profiles the operations, with a separate engine because profiling has overhead.</summary>
    private async Task<IReadOnlyList<ProfileResult>> ProfileAsync()
    {
        await using Engine engine = Load(settings.Batches.Max(), prefixCache: true, profile: true);
        RandomPrompts prompts = await WarmUpAsync(engine);
        List<ProfileResult> results = [];
        foreach (int batch in settings.Batches)
        {
            Begin($"batch {batch}: profile");
            engine.TakeProfile();
            await FollowAsync(engine, prompts.Requests(DecodedSet(batch), batch, settings.Prompt, 1));
            StepProfile prefill = Largest(engine.TakeProfile());
            if (settings.Context != settings.Prompt)
                await FollowAsync(engine, prompts.Requests(DecodedSet(batch), batch, settings.Context, 1));
            engine.TakeProfile();
            await FollowAsync(engine, prompts.Requests(DecodedSet(batch), batch, settings.Context, settings.Generate));
            results.Add(new ProfileResult(batch, prefill, Largest(engine.TakeProfile().Where(steps => steps.Decodes))));
        }
        return results;

        static StepProfile Largest(IEnumerable<StepProfile> kinds) => kinds.MaxBy(steps => (long)steps.Rows * steps.Steps)!;
    }

    /// <summary>Compiles code and touches memory before the measurements.</summary>
    private async Task<RandomPrompts> WarmUpAsync(Engine engine)
    {
        const int Tokens = 16, Generate = 4;
        RandomPrompts prompts = new(engine.Config.VocabularySize, settings.Seed);
        Begin("warming up");
        await FollowAsync(engine, prompts.Requests(WarmUpSet, 1, Math.Min(Tokens, settings.Prompt), Generate));
        return prompts;
    }

    private static int DecodedSet(int batch) => batch << 20;

    private Task<BatchRun> FollowAsync(Engine engine, IReadOnlyList<GenerationRequest> requests) =>
        BatchRun.FollowAsync(engine, requests, cancellation);

    /// <param name="entries">Most entries of a concept token; null for the default.</param>
    private Engine Load(int sequences, bool prefixCache, bool profile = false, int? entries = null)
    {
        const int Spare = 32; // so that the last sequence does not wait for blocks
        int needed = Math.Max(Math.Max(settings.Prompt, settings.Context) + settings.Generate, settings.Prompt + SuffixTokens + 1);
        EngineOptions options = settings.Engine with
        {
            MaxSequences = sequences,
            ContextLength = Math.Min(Math.Max(needed + Spare, settings.ContextLimit ?? 0), _positions.Value),
            PrefixCache = prefixCache,
            Profile = profile,
            MaxTopk = entries ?? settings.Engine.MaxTopk,
            LoadProgress = fraction =>
            {
                cancellation.ThrowIfCancellationRequested();
                Volatile.Write(ref _loaded, fraction);
            },
        };
        Begin($"loading {settings.ModelName}");
        Engine engine = settings.Shape is ModelShape shape
            ? EngineDiagnostics.LoadRandom(shape, options, settings.Seed)
            : Engine.Load(settings.Model, options);
        if (engine.ContextLength >= needed)
            return engine;
        int context = engine.ContextLength;
        engine.Dispose();
        throw new ArgumentException($"--prompt, --context and --generate need {needed} positions; the model or the memory allows {context}");
    }

    private void Begin(string phase)
    {
        cancellation.ThrowIfCancellationRequested();
        Interlocked.Increment(ref _phasesDone);
        Volatile.Write(ref _loaded, 0);
        _phase = phase;
    }

    private static double CountPhases(BenchSettings settings)
    {
        int perBatch = settings.Repeat * 2 + (settings.Context != settings.Prompt ? 1 : 0);
        return 4 + settings.Batches.Count * perBatch + (settings.Prefix ? settings.Repeat : 0) + (settings.Http ? 3 + settings.Repeat : 0)
            + (settings.Strategies.Count > 0 ? 2 + settings.Batches.Count * settings.Repeat : 0)
            + (settings.Concurrent != null ? 2 + 2 * settings.Repeat : 0) + (settings.Profile ? 2 + settings.Batches.Count : 0);
    }

    /// <summary>The measurements with the engine shared by all but the concurrency comparison and the profile.</summary>
    private sealed record Measured(
        ModelCost Cost, LoadResult? Load, FastPrefillStatus? FastPrefill, IReadOnlyList<BenchResult> Results, PrefixResult? Prefix);
}
