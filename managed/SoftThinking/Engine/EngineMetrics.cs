using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SoftThinking;

/// <summary>What an engine counts, under the meter "SoftThinking". Times are in seconds.</summary>
internal sealed class EngineMetrics : IDisposable
{
    private readonly Meter _meter = new("SoftThinking");
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _cachedTokens;
    private readonly Counter<long> _outputTokens;
    private readonly Counter<long> _preemptions;
    private readonly Histogram<double> _timeToFirstToken;
    private readonly Histogram<double> _timePerToken;

    /// <param name="now">Where the engine stands; asked for when somebody looks.</param>
    public EngineMetrics(Func<EngineStatistics> now)
    {
        _meter.CreateObservableUpDownCounter("softthinking.sequences.waiting", () => now().Waiting, "{sequence}", "Samples that wait to be begun or computed again.");
        _meter.CreateObservableUpDownCounter("softthinking.sequences.running", () => now().Running, "{sequence}", "Samples under way.");
        _meter.CreateObservableUpDownCounter("softthinking.kv.blocks.used", () => now().BlocksUsed, "{block}", "KV blocks that samples use.");
        _meter.CreateObservableUpDownCounter("softthinking.kv.blocks.total", () => now().Blocks, "{block}", "KV blocks of the pool.");
        _promptTokens = _meter.CreateCounter<long>("softthinking.tokens.prompt", "{token}", "Tokens of the prompts that were begun.");
        _cachedTokens = _meter.CreateCounter<long>("softthinking.tokens.cached", "{token}", "Those of them that the prefix cache held.");
        _outputTokens = _meter.CreateCounter<long>("softthinking.tokens.output", "{token}", "Steps sampled.");
        _preemptions = _meter.CreateCounter<long>("softthinking.preemptions", "{preemption}", "Times that a sample gave its blocks back.");
        _timeToFirstToken = Seconds("softthinking.time_to_first_token", "From submission to the first step.",
            [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]);
        _timePerToken = Seconds("softthinking.time_per_token", "Between two steps of a sample.",
            [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]);
    }

    public void Begun(SampleRun run)
    {
        _promptTokens.Add(run.PromptLength);
        _cachedTokens.Add(run.CachedTokens);
    }

    /// <summary>A step of a sample was recorded.</summary>
    /// <param name="now">As <see cref="Stopwatch.GetTimestamp"/> counts.</param>
    public void Step(SampleRun run, long now)
    {
        _outputTokens.Add(1);
        if (run.LastStepAt == 0)
            _timeToFirstToken.Record(Stopwatch.GetElapsedTime(run.Generation.SubmittedAt, now).TotalSeconds);
        else
            _timePerToken.Record(Stopwatch.GetElapsedTime(run.LastStepAt, now).TotalSeconds);
        run.LastStepAt = now;
    }

    public void Preempted(long count) => _preemptions.Add(count);

    public void Dispose() => _meter.Dispose();

    private Histogram<double> Seconds(string name, string description, double[] boundaries) => _meter.CreateHistogram(
        name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });
}

/// <summary>Where an engine stands.</summary>
/// <param name="Waiting">Samples that wait to be begun, or to be computed again.</param>
/// <param name="Running">Samples under way.</param>
/// <param name="BlocksUsed">KV blocks that they use.</param>
/// <param name="Blocks">KV blocks of the pool.</param>
/// <param name="Steps">Steps launched.</param>
/// <param name="Preemptions">Times that a sample had to give its blocks back.</param>
public readonly record struct EngineStatistics(
    int Waiting, int Running, int BlocksUsed, int Blocks, long Steps, long Preemptions);
