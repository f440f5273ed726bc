namespace SoftThinking.Evaluation.Statistics;

/// <summary>The correction of Holm (1979): several comparisons at once find a difference by chance no more often than one would.</summary>
public static class Holm
{
    /// <summary>The corrected p-values, in the order of <paramref name="pValues"/>.</summary>
    public static double[] Correct(IReadOnlyList<double> pValues)
    {
        double[] corrected = new double[pValues.Count];
        double largest = 0;
        int remaining = pValues.Count;
        foreach (int i in Enumerable.Range(0, pValues.Count).OrderBy(i => pValues[i]))
        {
            largest = Math.Max(largest, Math.Min(1, remaining-- * pValues[i]));
            corrected[i] = largest;
        }
        return corrected;
    }
}
