namespace SoftThinking.Evaluation.Statistics;

/// <summary>
/// Percentile bootstrap of a mean over items. The item is what is resampled, with all its samples and seeds: repeats of one item
/// are not independent of each other, so that more seeds alone cannot make an interval as narrow as more items do.
/// </summary>
public static class Bootstrap
{
    /// <summary>Times that the items are resampled.</summary>
    public const int Resamples = 10_000;

    /// <summary>Probability that an interval holds the true value.</summary>
    public const double Confidence = 0.95;

    private const ulong Seed = 0x5EED_0F_B007;

    /// <summary>The mean of one value per item, with its interval; NaN for no items.</summary>
    public static Estimate Mean(IReadOnlyList<double> items)
    {
        if (items.Count == 0)
            return new Estimate(double.NaN, new Interval(double.NaN, double.NaN));
        double[] values = [.. items];
        double[] means = new double[Resamples];
        SplitMix random = new(Seed);
        for (int i = 0; i < means.Length; i++)
        {
            double sum = 0;
            for (int j = 0; j < values.Length; j++)
                sum += values[random.NextIndex(values.Length)];
            means[i] = sum / values.Length;
        }
        Array.Sort(means);
        double tail = (1 - Confidence) / 2;
        return new Estimate(values.Sum() / values.Length, new Interval(Quantile(means, tail), Quantile(means, 1 - tail)));
    }

    /// <summary>
    /// As <see cref="Mean"/> for shares from 0 to 1. Where every item is right, or every item wrong, resampling sees no
    /// variation and would claim certainty: the open end is then that of the exact (Clopper-Pearson) interval.
    /// </summary>
    public static Estimate Share(IReadOnlyList<double> items)
    {
        if (items.Count > 0 && items.All(v => v == 0))
            return new Estimate(0, new Interval(0, UnseenShare(items.Count)));
        if (items.Count > 0 && items.All(v => v == 1))
            return new Estimate(1, new Interval(1 - UnseenShare(items.Count), 1));
        return Mean(items);
    }

    /// <summary>As <see cref="Mean"/> for differences of two shares, from -1 to 1, with the same care where all items agree.</summary>
    public static Estimate ShareDifference(IReadOnlyList<double> items)
    {
        if (items.Count == 0 || items.Any(v => v != 0))
            return Mean(items);
        double unseen = UnseenShare(items.Count);
        return new Estimate(0, new Interval(-unseen, unseen));
    }

    /// <summary>The largest share of a kind of item that may well have been missed by all of <paramref name="count"/> draws.</summary>
    private static double UnseenShare(int count) => 1 - Math.Pow((1 - Confidence) / 2, 1.0 / count);

    private static double Quantile(double[] sorted, double fraction)
    {
        double position = fraction * (sorted.Length - 1);
        int below = (int)position;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
