using System.Diagnostics;
using System.Diagnostics.Metrics;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Thinking;

namespace SoftThinking;

/// <summary>The measurements of an engine, under the meter "SoftThinking", whose scope is the engine. Times are in seconds. Prometheus
/// shows the names that vLLM has, which dashboards know, with our prefix. Counters are observed rather than added to, so a listener that
/// comes late misses nothing of them.</summary>
internal sealed class EngineMetrics : IDisposable
{
    private const string Prefix = "softthinking.";
    private const int Abort = (int)FinishReason.LowConfidence + 1, Error = Abort + 1, Score = Error + 1;

    /// <summary>How samples end: <see cref="FinishReason"/>, <see cref="Abort"/>, <see cref="Error"/>, <see cref="Score"/>.</summary>
    private static readonly string[] Ends = ["stop", "length", "cold_stop", "low_confidence", "abort", "error", "scored"];

    /// <summary>How thoughts end: <see cref="ThinkingEnd"/>.</summary>
    private static readonly string[] ThoughtEnds = ["model", "cold_stop", "budget", "cusum", "eat", "deer", "switches"];

    private static readonly double[] TokenTimes = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
    private static readonly double[] WaitTimes = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
    private static readonly double[] WholeTimes = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600];

    private readonly Meter _meter;
    private readonly Count _promptTokens, _cacheQueries, _cacheHits, _generationTokens, _thinkingTokens, _mixtures, _preemptions;
    private readonly Count[] _ends, _thoughtEnds;
    private readonly Histogram<double> _timeToFirstToken, _interTokenLatency, _queueTime, _latency;
    private double _entropy;

    /// <param name="scope">The engine.</param>
    /// <param name="now">Returns the current statistics.</param>
    public EngineMetrics(object scope, Func<EngineStatistics> now)
    {
        _meter = new Meter(new MeterOptions("SoftThinking") { Scope = scope });
        Gauge("num_requests_running", () => now().Running, "{request}", "Samples in progress.");
        Gauge("num_requests_waiting", () => now().Waiting, "{request}", "Samples that wait to start or to be computed again.");
        Gauge("kv_cache_usage_perc", () => (double)now().BlocksUsed / now().Blocks, null, "Fraction of the KV blocks in use, 0 to 1.");
        _promptTokens = Counter("prompt_tokens", "{token}", "Tokens of the prompts that were started; samples of a request share its prompt.");
        _generationTokens = Counter("generation_tokens", "{token}", "Tokens generated, thoughts included.");
        _thinkingTokens = Counter("thinking_tokens", "{token}", "Tokens of thoughts, markers included.");
        _mixtures = Counter("mixtures", "{token}", "Generated tokens that are mixtures of several.");
        Observe("thinking_entropy", () => Volatile.Read(ref _entropy), "nats", "Sum of the entropies of the tokens of thoughts.");
        _thoughtEnds = Counters("thinking_ends", "reason", ThoughtEnds, "{thought}", "Thoughts that ended: by the model, by the cold stop, or by the budget.");
        _cacheQueries = Counter("prefix_cache_queries", "{token}", "Prompt tokens of the samples that were started.");
        _cacheHits = Counter("prefix_cache_hits", "{token}", "Those of them that were found in the prefix cache.");
        _preemptions = Counter("num_preemptions", "{preemption}", "Times that a sample had to release its blocks.");
        _ends = Counters("request_success", "finished_reason", Ends, "{request}", "Samples that ended.");
        _timeToFirstToken = Seconds("time_to_first_token", "From submission to the first token of a sample.", WaitTimes);
        _interTokenLatency = Seconds("inter_token_latency", "Between two tokens of a sample.", TokenTimes);
        _queueTime = Seconds("request_queue_time", "From submission to the start of a sample.", WaitTimes);
        _latency = Seconds("e2e_request_latency", "From submission to the end of a sample.", WholeTimes);
    }

    /// <summary>A sample started.</summary>
    public void Started(SampleRun run)
    {
        _promptTokens.Add(run.Index == 0 ? run.PromptLength : 0);
        _cacheQueries.Add(run.PromptLength);
        _cacheHits.Add(run.CachedTokens);
        Record(_queueTime, run.Generation.SubmittedAt, Stopwatch.GetTimestamp());
    }

    /// <summary>A token of a sample is about to be recorded, so that a caller who has read it finds it counted.</summary>
    /// <param name="finish">Why it is the last, if it is.</param>
    /// <param name="now">In units of <see cref="Stopwatch.GetTimestamp"/>.</param>
    public void Token(SampleRun run, SampledRow row, FinishReason? finish, long now)
    {
        _generationTokens.Add(1);
        _mixtures.Add(row.Ids.Length > 1 ? 1 : 0);
        if ((row.Flags & StepFlags.Thinking) != 0)
            Thought(run, row);
        if (run.LastTokenAt == 0)
            Record(_timeToFirstToken, run.Generation.SubmittedAt, now);
        else
            Record(_interTokenLatency, run.LastTokenAt, now);
        run.LastTokenAt = now;
        if (finish is not FinishReason reason)
            return;
        _ends[(int)reason].Add(1);
        Record(_latency, run.Generation.SubmittedAt, now);
    }

    /// <summary>A sample was cancelled.</summary>
    public void Aborted() => _ends[Abort].Add(1);

    /// <summary>A sample failed.</summary>
    public void Failed() => _ends[Error].Add(1);

    /// <summary>A recorded sample was scored.</summary>
    public void Scored() => _ends[Score].Add(1);

    public void Preempted(long count) => _preemptions.Add(count);

    public void Dispose() => _meter.Dispose();

    private void Thought(SampleRun run, SampledRow row)
    {
        // A start marker of several tokens, with which an output may begin, is known to be one only with its last token.
        int token = run.Generated;
        bool opens = token > 0 && (run.FlagsAt(token - 1) & StepFlags.Thinking) == 0;
        _thinkingTokens.Add(opens ? token + 1 : 1);
        Volatile.Write(ref _entropy, _entropy + row.Entropy);
        if ((row.Flags & StepFlags.ThinkingEnded) != 0)
            _thoughtEnds[(int)MarkerTracker.EndOf(run.Stops | row.Flags)].Add(1);
    }

    /// <summary>A listener's exception must not reach the engine's thread, where it would end the process.</summary>
    private static void Record(Histogram<double> histogram, long start, long end)
    {
        try
        {
            histogram.Record(Stopwatch.GetElapsedTime(start, end).TotalSeconds);
        }
        catch
        {
            // See above.
        }
    }

    private void Gauge<T>(string name, Func<T> value, string? unit, string description) where T : struct =>
        _meter.CreateObservableGauge(Prefix + name, value, unit, description);

    private void Observe<T>(string name, Func<T> sum, string unit, string description) where T : struct =>
        _meter.CreateObservableCounter(Prefix + name, sum, unit, description);

    private Count Counter(string name, string unit, string description)
    {
        Count count = new();
        Observe(name, () => count.Value, unit, description);
        return count;
    }

    private Count[] Counters(string name, string tag, string[] values, string unit, string description)
    {
        Count[] counts = [.. values.Select(_ => new Count())];
        _meter.CreateObservableCounter(Prefix + name, Measure, unit, description);
        return counts;

        IEnumerable<Measurement<long>> Measure() =>
            values.Zip(counts, (value, count) => new Measurement<long>(count.Value, KeyValuePair.Create(tag, (object?)value)));
    }

    private Histogram<double> Seconds(string name, string description, double[] boundaries) => _meter.CreateHistogram(
        Prefix + name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });

    /// <summary>A number that the engine's thread counts, and others read.</summary>
    private sealed class Count
    {
        private long _value;

        public long Value => Volatile.Read(ref _value);

        public void Add(long more) => Volatile.Write(ref _value, _value + more);
    }
}
