using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting.Plots;

/// <summary>The plots of a report. Each setting has the same color and marker in all of them.</summary>
internal static class ReportPlots
{
    private const int Bins = 20, TracePoints = 240, TracesOfSetting = 8, MaxCategories = 16;

    /// <summary>Accuracy against tokens, a point for each setting, with the intervals of both.</summary>
    public static string Accuracy(IReadOnlyList<SettingSummary> settings, string id)
    {
        (double low, double high) = Range(settings.Select(s => s.Accuracy), 100);
        (double few, double many) = Range(settings.Select(s => s.Tokens), 1);
        double margin = Math.Max(many - few, 1) * 0.04;
        PlotCanvas canvas = new(600, 340, Axis.Linear("tokens of a sample (mean)", Math.Max(0, few - margin), many + margin),
            Axis.Linear("accuracy", low, high, "%"));
        for (int i = 0; i < settings.Count; i++)
        {
            Estimate accuracy = Scale(settings[i].Accuracy, 100);
            canvas.Horizontal(i, accuracy.Value, settings[i].Tokens.Interval);
            canvas.Vertical(i, settings[i].Tokens.Value, accuracy.Interval);
            canvas.Point(i, settings[i].Tokens.Value, accuracy.Value);
        }
        return canvas.ToSvg(id, "Accuracy against tokens, with 95% intervals; the numbers are in the table of settings.");
    }

    /// <summary>Accuracy by the values of a group; null where there is nothing to plot.</summary>
    public static string? Groups(IReadOnlyList<SettingSummary> settings, string name, IReadOnlyList<string> values, string id)
    {
        if (values.Count is < 2 or > MaxCategories)
            return null;
        Dictionary<string, int> position = values.Select((v, i) => (v, i)).ToDictionary(p => p.v, p => p.i);
        PlotCanvas canvas = new(600, 320, Axis.Categories(name, values), Axis.Linear("accuracy", 0, 100, "%"));
        double spread = Math.Min(0.12, 0.6 / settings.Count);
        for (int i = 0; i < settings.Count; i++)
        {
            double shift = (i - (settings.Count - 1) / 2.0) * spread;
            GroupAccuracy[] groups = [.. GroupAccuracy.Of(settings[i], name).OrderBy(g => position[g.Value])];
            double[] xs = [.. groups.Select(g => position[g.Value] + shift)];
            canvas.Line(i, xs, [.. groups.Select(g => g.Accuracy.Value * 100)], 1, 0.45);
            for (int j = 0; j < xs.Length; j++)
            {
                Estimate accuracy = Scale(groups[j].Accuracy, 100);
                canvas.Vertical(i, xs[j], accuracy.Interval);
                canvas.Point(i, xs[j], accuracy.Value);
            }
        }
        return canvas.ToSvg(id, $"Accuracy by {name}, with 95% intervals; the numbers are in the table below.");
    }

    /// <summary>How long the samples of each setting are, in the same bins: correct ones full, the others pale on top.</summary>
    public static IReadOnlyList<string> Lengths(IReadOnlyList<SettingSummary> settings, string id)
    {
        int longest = settings.SelectMany(s => s.Samples).Max(s => s.Tokens);
        double width = Math.Max(1, Axis.RoundStep((longest + 1.0) / Bins));
        int bins = (int)(longest / width) + 1;
        (double[] Correct, double[] Others)[] shares = [.. settings.Select(s => Histogram(s, width, bins))];
        double top = shares.Max(s => s.Correct.Zip(s.Others, (a, b) => a + b).Max());
        Axis x = Axis.Linear("tokens of a sample", 0, bins * width);
        Axis y = Axis.Linear("share of samples", 0, top, "%", 4);
        List<string> plots = [];
        for (int i = 0; i < settings.Count; i++)
        {
            PlotCanvas canvas = new(320, 210, x, y);
            for (int bin = 0; bin < bins; bin++)
            {
                double correct = shares[i].Correct[bin];
                canvas.Bar(i, bin * width, (bin + 1) * width, 0, correct, 0.95);
                canvas.Bar(i, bin * width, (bin + 1) * width, correct, correct + shares[i].Others[bin], 0.35);
            }
            plots.Add(canvas.ToSvg($"{id}-{i}", $"Histogram of the tokens of a sample of {settings[i].Name}."));
        }
        return plots;
    }

    /// <summary>
    /// Entropy of each thought token of the traced samples, with a cross where a cold stop ended the thought; null for a setting
    /// without traced samples.
    /// </summary>
    public static IReadOnlyList<string?> Entropies(IReadOnlyList<SettingSummary> settings, string id)
    {
        SampleResult[][] traced =
            [.. settings.Select(s => s.Samples.Where(HasThoughtTrace).Take(TracesOfSetting).ToArray())];
        double[][][] lines = [.. traced.Select(s => s.Select(Entropy).ToArray())];
        if (lines.All(l => l.Length == 0))
            return [.. settings.Select(_ => (string?)null)];
        Axis x = Axis.Linear("thought token", 0, lines.SelectMany(l => l).Max(l => l.Length));
        Axis y = Axis.Linear("entropy (nats)", 0, Math.Max(0.1, lines.SelectMany(l => l).SelectMany(l => l).Max()));
        return [.. settings.Select((s, i) => traced[i].Length == 0 ? null : Traces(i, s.Name, traced[i], lines[i], x, y, $"{id}-{i}"))];
    }

    private static string Traces(int series, string name, SampleResult[] samples, double[][] lines, Axis x, Axis y, string id)
    {
        PlotCanvas canvas = new(320, 210, x, y);
        for (int i = 0; i < samples.Length; i++)
        {
            (double[] xs, double[] ys) = Thin(lines[i]);
            canvas.Line(series, xs, ys, 1.25f, samples.Length == 1 ? 1 : 0.55);
            if (samples[i].ThinkingEnd == "cold_stop")
                canvas.Cross(series, xs[^1], ys[^1]);
            else if (samples[i].ThinkingEnd == "model")
                canvas.Dot(series, xs[^1], ys[^1]);
        }
        return canvas.ToSvg(id, $"Entropy of the thoughts of {Numbers.Count(samples.Length, "sample")} of {name}.");
    }

    private static bool HasThoughtTrace(SampleResult sample) => sample.Trace?.Any(t => t.Thinking && float.IsFinite(t.Entropy)) == true;

    private static double[] Entropy(SampleResult sample) =>
        [.. sample.Trace!.Where(t => t.Thinking && float.IsFinite(t.Entropy)).Select(t => (double)t.Entropy)];

    /// <summary>A long thought as the means of equal stretches; a plot has no room for more.</summary>
    private static (double[] Xs, double[] Ys) Thin(double[] values)
    {
        int stretch = (values.Length + TracePoints - 1) / TracePoints;
        double[][] stretches = [.. values.Chunk(stretch)];
        return ([.. stretches.Select((s, i) => i * stretch + (s.Length + 1) / 2.0)], [.. stretches.Select(s => s.Sum() / s.Length)]);
    }

    private static (double[] Correct, double[] Others) Histogram(SettingSummary setting, double width, int bins)
    {
        double[] correct = new double[bins];
        double[] others = new double[bins];
        double share = 100.0 / Math.Max(1, setting.Counts.Samples);
        foreach (SampleResult sample in setting.Samples)
            (sample.Correct ? correct : others)[Math.Clamp((int)(sample.Tokens / width), 0, bins - 1)] += share;
        return (correct, others);
    }

    private static (double Low, double High) Range(IEnumerable<Estimate> estimates, double scale) =>
        (estimates.Min(e => e.Interval.Low) * scale, estimates.Max(e => e.Interval.High) * scale);

    private static Estimate Scale(Estimate estimate, double factor) =>
        new(estimate.Value * factor, new Interval(estimate.Interval.Low * factor, estimate.Interval.High * factor));
}
