using System.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>When the tokens of a batch arrived, in units of <see cref="Stopwatch.GetTimestamp"/>.</summary>
internal sealed class ArrivalTimes(int count)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly List<long>[] _sequences = [.. Enumerable.Range(0, count).Select(_ => new List<long>())];

    /// <summary>Seconds until a sequence had its first token, on average.</summary>
    public double TimeToFirstToken => _sequences.Average(times => Stopwatch.GetElapsedTime(_start, times[0]).TotalSeconds);

    /// <summary>Seconds until all sequences had ended.</summary>
    public double AllEnded => Stopwatch.GetElapsedTime(_start, _sequences.Max(times => times[^1])).TotalSeconds;

    public List<long> Of(int sequence) => _sequences[sequence];
}
