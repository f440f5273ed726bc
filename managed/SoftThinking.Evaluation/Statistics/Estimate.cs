namespace SoftThinking.Evaluation.Statistics;

/// <summary>A range that holds the true value with 95 % confidence.</summary>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>The larger distance of the two ends from 0.</summary>
    public double Reach => Math.Max(Math.Abs(Low), Math.Abs(High));
}

/// <summary>A mean over items with its interval.</summary>
public readonly record struct Estimate(double Value, Interval Interval);
