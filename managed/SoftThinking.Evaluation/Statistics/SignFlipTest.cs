using System.Numerics;

namespace SoftThinking.Evaluation.Statistics;

/// <summary>
/// The paired permutation test: if two settings do not differ, the sign of each item's difference is a matter of chance. How
/// often do random signs yield a mean as far from 0 as the one observed?
/// </summary>
public static class SignFlipTest
{
    /// <summary>Random signs where there are too many items for every combination.</summary>
    public const int Draws = 20_000;

    private const int EnumeratedItems = 20;
    private const ulong Seed = 0x5EED_0F_F11B;

    /// <summary>
    /// Two-sided p of one difference per item: exact for up to 20 items that differ; for more, of <see cref="Draws"/> random
    /// draws, to which the observed one is added so that p is never 0.
    /// </summary>
    public static double PValue(IReadOnlyList<double> differences)
    {
        double[] nonzero = [.. differences.Where(d => d != 0)];
        double observed = Math.Abs(nonzero.Sum());
        // Sums of the same numbers in another order differ in their last bits and still count as equal.
        double limit = observed - 1e-9 * nonzero.Sum(Math.Abs);
        return nonzero.Length <= EnumeratedItems ? Enumerate(nonzero, limit) : Draw(nonzero, limit);
    }

    /// <summary>Every combination of signs in the order of a Gray code: one sign changes at a time.</summary>
    private static double Enumerate(double[] values, double limit)
    {
        int combinations = 1 << values.Length;
        double[] signed = [.. values];
        double sum = values.Sum();
        int extreme = 1;
        for (int i = 1; i < combinations; i++)
        {
            int flipped = BitOperations.TrailingZeroCount(i);
            sum -= 2 * signed[flipped];
            signed[flipped] = -signed[flipped];
            if (Math.Abs(sum) >= limit)
                extreme++;
        }
        return (double)extreme / combinations;
    }

    private static double Draw(double[] values, double limit)
    {
        SplitMix random = new(Seed);
        int extreme = 1;
        for (int draw = 0; draw < Draws; draw++)
        {
            double sum = 0;
            ulong bits = 0;
            for (int i = 0; i < values.Length; i++)
            {
                bits = i % 64 == 0 ? random.Next() : bits >> 1;
                // The bit becomes the sign without a branch, which would be mispredicted half of the time.
                sum += values[i] * (1 - 2 * (int)(bits & 1));
            }
            if (Math.Abs(sum) >= limit)
                extreme++;
        }
        return (double)extreme / (Draws + 1);
    }
}
