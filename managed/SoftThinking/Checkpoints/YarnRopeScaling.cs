namespace SoftThinking.Checkpoints;

/// <summary>YaRN (Peng et al. 2023, arXiv:2309.00071): rope_type "yarn". Pairs that turn often within the original context keep
/// their frequencies, those that turn seldom are divided by the factor, and those in between are interpolated.</summary>
/// <param name="Factor">Divisor of the low frequencies; at least 1.</param>
/// <param name="OriginalMaxPositions">Length of the original context in positions.</param>
/// <param name="BetaFast">Pairs with more turns than this in the original context keep their frequencies.</param>
/// <param name="BetaSlow">Pairs with fewer turns than this are divided by the factor.</param>
/// <param name="Truncates">Whether the limits between the three are rounded outward to whole pairs.</param>
/// <param name="Attention">Factor of cosines and sines.</param>
internal sealed record YarnRopeScaling(
    double Factor, int OriginalMaxPositions, double BetaFast, double BetaSlow, bool Truncates, double Attention) : RopeScaling
{
    public override double Magnitude => Attention;

    /// <summary>The factor of cosines and sines that the paper recommends: 1 + 0.1 k ln s.</summary>
    /// <param name="factor">s</param>
    /// <param name="scale">k</param>
    public static double Recommend(double factor, double scale = 1) => factor > 1 ? 1 + 0.1 * scale * Math.Log(factor) : 1;

    public override double[] Apply(double[] frequencies, double theta)
    {
        int rotated = 2 * frequencies.Length;
        double low = Pair(BetaFast), high = Pair(BetaSlow);
        if (Truncates)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, rotated - 1));
        if (low == high)
            high += 0.001;
        return [.. frequencies.Select((frequency, i) =>
        {
            double divided = Math.Clamp((i - low) / (high - low), 0, 1);
            return (1 - divided) * frequency + divided * (frequency / Factor);
        })];

        // The pair, counted in fractions, that turns so often within the original context.
        double Pair(double turns) => rotated * Math.Log(OriginalMaxPositions / (2 * Math.PI * turns)) / (2 * Math.Log(theta));
    }

    public override string ToString() => FormattableString.Invariant(
        $"yarn, factor {Factor}, original context {OriginalMaxPositions}, attention factor {Attention:0.####}");
}
