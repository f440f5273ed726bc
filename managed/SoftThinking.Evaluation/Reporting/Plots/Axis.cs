using System.Globalization;

namespace SoftThinking.Evaluation.Reporting.Plots;

/// <summary>A linear axis with its ticks at round numbers.</summary>
internal sealed class Axis
{
    private Axis(string title, double min, double max)
    {
        Title = title;
        Min = min;
        Max = max;
    }

    public string Title { get; }
    public double Min { get; }
    public double Max { get; }
    public IReadOnlyList<(double Position, string Label)> Ticks { get; private init; } = [];

    /// <summary>From the round number at or below <paramref name="min"/> to the one at or above <paramref name="max"/>.</summary>
    /// <param name="unit">Appended to the labels.</param>
    public static Axis Linear(string title, double min, double max, string unit = "", int intervals = 5)
    {
        double step = RoundStep((max > min ? max - min : Math.Max(Math.Abs(max), 1)) / intervals);
        long first = (long)Math.Floor(min / step + 1e-9);
        long last = Math.Max((long)Math.Ceiling(max / step - 1e-9), first + 1);
        return new Axis(title, first * step, last * step)
        {
            Ticks = [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => Tick((first + i) * step, step, unit))],
        };
    }

    /// <summary>One tick per label, at 0, 1, 2, and so on.</summary>
    public static Axis Categories(string title, IReadOnlyList<string> labels) => new(title, -0.5, labels.Count - 0.5)
    {
        Ticks = [.. labels.Select((label, i) => ((double)i, label))],
    };

    /// <summary>The smallest of 1, 2, 5 times a power of ten that is not below <paramref name="step"/>.</summary>
    public static double RoundStep(double step)
    {
        // Powers of ten by parsing: Math.Pow is not the same to the last bit everywhere.
        int exponent = (int)Math.Floor(Math.Log10(step) + 1e-9);
        foreach (double factor in (ReadOnlySpan<double>)[1, 2, 5, 10])
        {
            double rounded = factor * double.Parse("1e" + exponent.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            if (rounded >= step * (1 - 1e-9))
                return rounded;
        }
        return step;
    }

    private static (double Position, string Label) Tick(double position, double step, string unit)
    {
        int decimals = Math.Clamp(-(int)Math.Floor(Math.Log10(step) + 1e-9), 0, 9);
        return (position, position.ToString("N" + decimals, CultureInfo.InvariantCulture) + unit);
    }
}
