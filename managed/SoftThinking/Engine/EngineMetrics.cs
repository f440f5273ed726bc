using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SoftThinking;

/// <summary>The measurements of an engine, under the meter "SoftThinking". Times are in seconds.</summary>
internal sealed class EngineMetrics : IDisposable
{
    private readonly Meter _meter = new("SoftThinking");
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _cachedTokens;
    private readonly Counter<long> _outputTokens;
    private readonly Counter<long> _preemptions;
    private readonly Histogram<double> _timeToFirstToken;
    private readonly Histogram<double> _timePerToken;

    /// <param name="now">Returns the current statistics.</param>
    public EngineMetrics(Func<EngineStatistics> now)
    {
        _meter.CreateObservableUpDownCounter("softthinking.sequences.waiting", () => now().Waiting, "{sequence}", "Samples that wait to start or to be computed again.");
        _meter.CreateObservableUpDownCounter("softthinking.sequences.running", () => now().Running, "{sequence}", "Samples in progress.");
        _meter.CreateObservableUpDownCounter("softthinking.kv.blocks.used", () => now().BlocksUsed, "{block}", "KV blocks in use.");
        _meter.CreateObservableUpDownCounter("softthinking.kv.blocks.total", () => now().Blocks, "{block}", "KV blocks of the pool.");
        _promptTokens = _meter.CreateCounter<long>("softthinking.tokens.prompt", "{token}", "Tokens of the prompts that were started.");
        _cachedTokens = _meter.CreateCounter<long>("softthinking.tokens.cached", "{token}", "Prompt tokens found in the prefix cache.");
        _outputTokens = _meter.CreateCounter<long>("softthinking.tokens.output", "{token}", "Tokens generated.");
        _preemptions = _meter.CreateCounter<long>("softthinking.preemptions", "{preemption}", "Times that a sample had to release its blocks.");
        _timeToFirstToken = Seconds("softthinking.time_to_first_token", "From submission to the first token.",
            [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]);
        _timePerToken = Seconds("softthinking.time_per_token", "Between two tokens of a sample.",
            [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]);
    }

    /// <summary>A sample started.</summary>
    public void Started(SampleRun run) => Safely(() =>
    {
        _promptTokens.Add(run.PromptLength);
        _cachedTokens.Add(run.CachedTokens);
    });

    /// <summary>A token of a sample was recorded.</summary>
    /// <param name="now">In units of <see cref="Stopwatch.GetTimestamp"/>.</param>
    public void Token(SampleRun run, long now)
    {
        try
        {
            _outputTokens.Add(1);
            if (run.LastTokenAt == 0)
                _timeToFirstToken.Record(Stopwatch.GetElapsedTime(run.Generation.SubmittedAt, now).TotalSeconds);
            else
                _timePerToken.Record(Stopwatch.GetElapsedTime(run.LastTokenAt, now).TotalSeconds);
        }
        catch
        {
            // As in Safely, without a closure for each token.
        }
        run.LastTokenAt = now;
    }

    public void Preempted(long count) => Safely(() => _preemptions.Add(count));

    public void Dispose() => _meter.Dispose();

    /// <summary>A listener's exception must not reach the engine's thread, where it would end the process.</summary>
    private static void Safely(Action record)
    {
        try
        {
            record();
        }
        catch
        {
            // See above.
        }
    }

    private Histogram<double> Seconds(string name, string description, double[] boundaries) => _meter.CreateHistogram(
        name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });
}
