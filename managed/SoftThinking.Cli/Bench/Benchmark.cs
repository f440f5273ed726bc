using SoftThinking.Diagnostics;
using System.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>Makes the measurements of `bench`.</summary>
internal sealed class Benchmark(BenchSettings settings, CancellationToken cancellation)
{
    private const int SuffixTokens = 16; // what follows a shared prefix

    // Sets of prompts, so that nothing but what is meant to be is found in the prefix cache.
    private const int ConcurrentSet = -1, PrefixSet = -2, SuffixSet = -3, WarmUpSet = -4;

    private readonly double _phases = CountPhases(settings);
    private int _phasesDone = -1; // none has begun
    private volatile string _phase = "starting";
    private double _loaded;

    /// <summary>What is being done now, for people.</summary>
    public string Phase => _phase;

    /// <summary>How much of all is done, 0 to 1.</summary>
    public double Done => (Math.Max(0, Volatile.Read(ref _phasesDone)) + Volatile.Read(ref _loaded)) / _phases;

    public async Task<BenchReport> RunAsync()
    {
        Begin("measuring the machine");
        MachineRates machine = MachineRates.Measure(settings.Engine);
        Measured measured = await MeasureAsync();
        ConcurrencyResult? concurrency = settings.Concurrent is int requests ? await CompareAsync(requests) : null;
        IReadOnlyList<ProfileResult> profiles = settings.Profile ? await ProfileAsync() : [];
        // Again, because others may have kept the machine busy the first time: then fractions would look better than they are.
        Begin("measuring the machine again");
        machine = machine.BestOf(MachineRates.Measure(settings.Engine));
        return new BenchReport(
            settings, machine, measured.Cost, measured.Load, measured.Results, concurrency, measured.Prefix, profiles, measured.FastPrefill);
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
            prefill.AllBegun,
            batch * settings.Prompt / prefill.AllBegun,
            prefill.TimeToFirstToken,
            runs,
            decode.MixedFraction,
            Math.Max(peak, decodePeak),
            decode.Hash);
    }

    /// <summary>The fastest of several prefills, each of new prompts; the last are those that are decoded.</summary>
    private async Task<BatchRun> PrefillAsync(Engine engine, RandomPrompts prompts, int batch)
    {
        BatchRun? best = null;
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"batch {batch}: prefill, {i + 1} of {settings.Repeat}");
            BatchRun run = await FollowAsync(engine, prompts.Requests(DecodedSet(batch) + settings.Repeat - 1 - i, batch, settings.Prompt, 1));
            if (best == null || run.AllBegun < best.AllBegun)
                best = run;
        }
        return best!;
    }

    /// <summary>Several decodes of the same prompts, whose keys and values the prefix cache holds: all sequences begin within a
    /// few steps. What a repeat is compared with is measured right before and after it, because other processes may use the machine.</summary>
    private async Task<(BatchRun Any, List<DecodeRun> Runs, long PeakMemoryBytes)> DecodeAsync(Engine engine, RandomPrompts prompts, int batch)
    {
        GenerationRequest[] requests = prompts.Requests(DecodedSet(batch), batch, settings.Context, settings.Generate);
        GenerationRequest[] greedy = prompts.Requests(DecodedSet(batch), batch, settings.Context, settings.Generate, greedy: true);
        BatchRun? first = null;
        List<DecodeRun> runs = [];
        long peak = 0;
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"batch {batch}: decode, {i + 1} of {settings.Repeat}");
            double before = MachineRates.ReadBandwidthNow(settings.Engine);
            PeakMemory.Restart(); // without what that took
            BatchRun run = await FollowAsync(engine, requests);
            double? greedySeconds = settings.Greedy ? (await FollowAsync(engine, greedy)).MedianStepSeconds : null;
            peak = Math.Max(peak, PeakMemory.Bytes);
            double after = MachineRates.ReadBandwidthNow(settings.Engine);
            first ??= run;
            if (run.Hash != first.Hash)
                throw new GenerationException($"two equal runs of batch {batch} gave different outputs, {first.Hash} and {run.Hash}");
            runs.Add(new DecodeRun(run.StepsPerSecond, run.MedianStepSeconds, (before + after) / 2, greedySeconds));
        }
        return (first!, runs, peak);
    }

    /// <summary>Requests one after another and all at once, without a prefix cache: so both may have the same prompts,
    /// and their outputs can be compared.</summary>
    private async Task<ConcurrencyResult> CompareAsync(int count)
    {
        await using Engine engine = Load(count, prefixCache: false);
        RandomPrompts prompts = await WarmUpAsync(engine);
        GenerationRequest[] requests = prompts.Requests(ConcurrentSet, count, settings.Prompt, settings.Generate);
        double oneByOne = double.PositiveInfinity, together = double.PositiveInfinity;
        HashSet<string> hashes = [];
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"{count} requests one after another, {i + 1} of {settings.Repeat}");
            BatchRun first = await BatchRun.OneByOneAsync(engine, requests, cancellation);
            Begin($"{count} requests at once, {i + 1} of {settings.Repeat}");
            BatchRun second = await BatchRun.TogetherAsync(engine, requests, cancellation);
            (oneByOne, together) = (Math.Min(oneByOne, first.AllEnded), Math.Min(together, second.AllEnded));
            hashes.UnionWith([first.Hash, second.Hash]);
        }
        return new ConcurrencyResult(count, oneByOne, together, hashes.Count == 1);
    }

    private async Task<PrefixResult> ReusePrefixAsync(Engine engine, RandomPrompts prompts)
    {
        double cold = double.PositiveInfinity, cached = double.PositiveInfinity;
        int found = 0;
        for (int i = 0; i < settings.Repeat; i++)
        {
            Begin($"prefix reuse, {i + 1} of {settings.Repeat}");
            ConceptToken[] shared = prompts.Tokens(PrefixSet, i, settings.Prompt);
            BatchRun first = await AskBehindAsync(shared, 2 * i), second = await AskBehindAsync(shared, 2 * i + 1);
            (cold, cached) = (Math.Min(cold, first.AllBegun), Math.Min(cached, second.AllBegun));
            found = second.CachedTokens;
        }
        return new PrefixResult(settings.Prompt, settings.Prompt + SuffixTokens, found, cold, cached);

        Task<BatchRun> AskBehindAsync(ConceptToken[] shared, int question) => FollowAsync(
            engine, [prompts.Request([.. shared, .. prompts.Tokens(SuffixSet, question, SuffixTokens)], question, generate: 1)]);
    }

    /// <summary>Measures the operations, with an engine of its own: recording them costs time.</summary>
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

    /// <summary>Lets code be compiled and memory be touched before anything is measured.</summary>
    private async Task<RandomPrompts> WarmUpAsync(Engine engine)
    {
        const int Tokens = 16, Steps = 4;
        RandomPrompts prompts = new(engine.Config.VocabularySize, settings.Seed);
        Begin("warming up");
        await FollowAsync(engine, prompts.Requests(WarmUpSet, 1, Math.Min(Tokens, settings.Prompt), Steps));
        return prompts;
    }

    private static int DecodedSet(int batch) => batch << 20;

    private Task<BatchRun> FollowAsync(Engine engine, IReadOnlyList<GenerationRequest> requests) =>
        BatchRun.FollowAsync(engine, requests, cancellation);

    private Engine Load(int sequences, bool prefixCache, bool profile = false)
    {
        const int Spare = 32; // so that the last sequence need not wait for blocks
        int needed = Math.Max(Math.Max(settings.Prompt, settings.Context) + settings.Generate, settings.Prompt + SuffixTokens + 1);
        EngineOptions options = settings.Engine with
        {
            MaxSequences = sequences,
            ContextLength = needed + Spare,
            PrefixCache = prefixCache,
            Profile = profile,
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
        return 4 + settings.Batches.Count * perBatch + (settings.Prefix ? settings.Repeat : 0)
            + (settings.Concurrent != null ? 2 + 2 * settings.Repeat : 0) + (settings.Profile ? 2 + settings.Batches.Count : 0);
    }

    /// <summary>What the engine that all but the comparisons use gave.</summary>
    private sealed record Measured(
        ModelCost Cost, LoadResult? Load, FastPrefillStatus? FastPrefill, IReadOnlyList<BenchResult> Results, PrefixResult? Prefix);
}
