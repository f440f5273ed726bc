using System.Numerics;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Roots of integers.</summary>
internal static class IntegerRoot
{
    /// <summary>The largest integer whose power of <paramref name="degree"/> is at most the value, which is not negative.</summary>
    public static BigInteger Floor(BigInteger value, int degree)
    {
        if (value.IsZero || value.IsOne || degree == 1)
            return value;
        int bits = (int)value.GetBitLength();
        if (degree >= bits)
            return BigInteger.One;
        // Newton's iteration from above falls until it reaches the root.
        BigInteger root = BigInteger.One << ((bits / degree) + 1);
        while (true)
        {
            BigInteger next = (((degree - 1) * root) + (value / BigInteger.Pow(root, degree - 1))) / degree;
            if (next >= root)
                return root;
            root = next;
        }
    }
}
