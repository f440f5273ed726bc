using System.Collections.Concurrent;
using System.Diagnostics;

namespace SoftThinking.Server.Tests.Telemetry;

/// <summary>Listens to spans of the server and of ASP.NET Core.</summary>
internal sealed class SpanReader : IDisposable
{
    private readonly BlockingCollection<Activity> _ended = [];
    private readonly ActivityListener _listener;

    public SpanReader()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "SoftThinking.Server" or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Add,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Waits for a span of a trace to end.</summary>
    public Activity Take(ActivityTraceId trace, string source)
    {
        using CancellationTokenSource late = new(TimeSpan.FromSeconds(60));
        foreach (Activity activity in _ended.GetConsumingEnumerable(late.Token))
        {
            if (activity.TraceId == trace && activity.Source.Name == source)
                return activity;
        }
        throw new InvalidOperationException();
    }

    public void Dispose() => _listener.Dispose();
}
