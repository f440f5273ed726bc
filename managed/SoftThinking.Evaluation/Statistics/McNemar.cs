using System.Numerics;

namespace SoftThinking.Evaluation.Statistics;

/// <summary>The exact test of McNemar (1947): whether of two settings one answers more of the same items correctly.</summary>
public static class McNemar
{
    /// <summary>
    /// Two-sided p: under no difference, each item that only one setting answers correctly is a fair coin toss. Twice the
    /// smaller tail of the binomial distribution, at most 1.
    /// </summary>
    /// <param name="onlyFirst">Items that only the first setting answers correctly.</param>
    /// <param name="onlySecond">Items that only the second setting answers correctly.</param>
    public static double Exact(int onlyFirst, int onlySecond)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(onlyFirst);
        ArgumentOutOfRangeException.ThrowIfNegative(onlySecond);
        int tosses = onlyFirst + onlySecond;
        BigInteger term = BigInteger.One;
        BigInteger tail = BigInteger.One;
        for (int i = 0; i < Math.Min(onlyFirst, onlySecond); i++)
        {
            term = term * (tosses - i) / (i + 1);
            tail += term;
        }
        // The leading bits, since the count itself is beyond a double from 1,024 tosses on.
        int shift = (int)Math.Max(0, tail.GetBitLength() - 64);
        return Math.Min(1, Math.ScaleB((double)(tail >> shift), shift + 1 - tosses));
    }
}
