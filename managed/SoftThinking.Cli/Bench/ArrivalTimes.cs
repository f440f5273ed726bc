using System.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>When the tokens of streams arrived that were started one after another.</summary>
internal sealed class ArrivalTimes
{
    private readonly Stream[] _streams;

    private ArrivalTimes(int count) => _streams = [.. Enumerable.Range(0, count).Select(_ => new Stream())];

    /// <summary>Seconds from the start of a stream to its first token, on average.</summary>
    public double TimeToFirstToken => _streams.Average(stream => Stopwatch.GetElapsedTime(stream.Start, stream.Tokens[0]).TotalSeconds);

    /// <summary>Tokens per second, from the start of the first stream to the last token.</summary>
    public double TokensPerSecond =>
        _streams.Sum(stream => stream.Tokens.Count) / Stopwatch.GetElapsedTime(_streams[0].Start, _streams.Max(stream => stream.Tokens[^1])).TotalSeconds;

    /// <summary>Starts streams at this interval.</summary>
    /// <param name="run">Runs a stream, and adds the time of each token to the list, in units of <see cref="Stopwatch.GetTimestamp"/>.</param>
    public static async Task<ArrivalTimes> MeasureAsync(int count, TimeSpan interval, Func<int, List<long>, Task> run, CancellationToken cancellation)
    {
        ArrivalTimes times = new(count);
        await Task.WhenAll(times._streams.Select(async (stream, i) =>
        {
            await Task.Delay(i * interval, cancellation);
            stream.Start = Stopwatch.GetTimestamp();
            await run(i, stream.Tokens);
        }));
        return times;
    }

    private sealed class Stream
    {
        public long Start { get; set; }

        public List<long> Tokens { get; } = [];
    }
}
