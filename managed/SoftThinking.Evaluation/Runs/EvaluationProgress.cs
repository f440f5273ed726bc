using System.Diagnostics;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Runs;

/// <summary>How far an evaluation is. Its members may be called from any thread.</summary>
public sealed class EvaluationProgress
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (int Samples, int Correct)> _settings = [];
    private int _before;

    /// <summary>Items of all runs together.</summary>
    public int Total { get; internal set; }

    /// <summary>Finished items, those of earlier processes included.</summary>
    public int Done { get; private set; }

    /// <summary>Tokens that this process received.</summary>
    public long Tokens { get; private set; }

    /// <summary>Tokens per second of this process.</summary>
    public double TokensPerSecond => Tokens / Math.Max(_clock.Elapsed.TotalSeconds, 1e-3);

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Estimate of the time left; null before the first item.</summary>
    public TimeSpan? Left
    {
        get
        {
            lock (_lock)
                return Done > _before ? _clock.Elapsed * ((double)(Total - Done) / (Done - _before)) : null;
        }
    }

    /// <summary>Accuracy so far by setting, 0 to 1.</summary>
    public IReadOnlyList<(string Setting, double Accuracy)> Accuracies
    {
        get
        {
            lock (_lock)
                return [.. _settings.Select(pair => (pair.Key, (double)pair.Value.Correct / pair.Value.Samples))];
        }
    }

    internal void Add(string setting, ItemResult item, bool before)
    {
        lock (_lock)
        {
            (int samples, int correct) = _settings.GetValueOrDefault(setting);
            _settings[setting] = (samples + item.Samples.Count, correct + item.Samples.Count(sample => sample.Correct));
            Done++;
            if (before)
                _before++;
            else
                Tokens += item.Samples.Sum(sample => (long)sample.Tokens);
        }
    }
}
