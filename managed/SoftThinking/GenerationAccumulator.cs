namespace SoftThinking;

/// <summary>Collects the events of a generation into its result.</summary>
/// <example><code>
/// GenerationAccumulator all = new();
/// await foreach (GenerationEvent next in engine.StreamAsync(request))
///     all.Add(next);
/// GenerationResult result = all.ToResult();
/// </code></example>
public sealed class GenerationAccumulator
{
    private readonly List<Sample> _samples = [];

    /// <summary>Whether at least one sample started and all that started have finished.</summary>
    public bool IsComplete => _samples.Count > 0 && _samples.TrueForAll(sample => sample.Finished != null);

    /// <summary>Adds the next event.</summary>
    /// <exception cref="ArgumentNullException">The event is null.</exception>
    public void Add(GenerationEvent next)
    {
        ArgumentNullException.ThrowIfNull(next);
        while (_samples.Count <= next.Sample)
            _samples.Add(new Sample());
        Sample sample = _samples[next.Sample];
        switch (next)
        {
            case GenerationStarted started:
                sample.Started = started;
                break;
            case GeneratedToken token:
                sample.Tokens.Add(token);
                break;
            case GenerationFinished finished:
                sample.Finished = finished;
                break;
        }
    }

    /// <summary>The result so far.</summary>
    /// <exception cref="InvalidOperationException">A sample has not finished (<see cref="IsComplete"/>).</exception>
    public GenerationResult ToResult() => IsComplete
        ? new GenerationResult([.. _samples.Select(sample => sample.ToResult())])
        : throw new InvalidOperationException("not all samples have finished");

    private sealed class Sample
    {
        public GenerationStarted? Started { get; set; }

        public List<GeneratedToken> Tokens { get; } = [];

        public GenerationFinished? Finished { get; set; }

        public GeneratedSample ToResult() => new()
        {
            Tokens = Tokens,
            Seed = Started?.Seed ?? 0,
            FinishReason = Finished!.Reason,
            Stop = Finished.Stop,
            Usage = Finished.Usage,
            Confidence = Finished.Confidence,
        };
    }
}
