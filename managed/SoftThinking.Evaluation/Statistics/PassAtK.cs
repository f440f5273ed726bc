namespace SoftThinking.Evaluation.Statistics;

/// <summary>The probability that at least one of k samples is correct (Chen et al. 2021, arXiv 2107.03374).</summary>
public static class PassAtK
{
    /// <summary>1 - C(samples - correct, k) / C(samples, k): unbiased, and computed without large numbers.</summary>
    /// <param name="samples">Samples of the item, at least <paramref name="k"/>.</param>
    /// <param name="correct">How many of them are correct.</param>
    /// <param name="k">Samples that may be tried, at least 1.</param>
    public static double Unbiased(int samples, int correct, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, k);
        ArgumentOutOfRangeException.ThrowIfNegative(correct);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(correct, samples);
        if (samples - correct < k)
            return 1;

        double allWrong = 1;
        for (int i = samples - correct + 1; i <= samples; i++)
            allWrong *= 1 - (double)k / i;
        return 1 - allWrong;
    }

    /// <summary>The values of k that a report shows for so many samples: powers of two above 1.</summary>
    public static IReadOnlyList<int> Ladder(int samples)
    {
        List<int> ladder = [];
        for (int k = 2; k <= samples; k *= 2)
            ladder.Add(k);
        return ladder;
    }
}
