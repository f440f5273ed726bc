using System.Numerics;
using Fractions;
using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>
/// Expressions without variables: exactly. A decimal may stand for a number that it approximates, if both agree when they
/// are rounded to six places and to six significant digits.
/// </summary>
internal static class NumberRule
{
    private const int Digits = 6;

    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        if (!Nodes.IsClosed(a) || !Nodes.IsClosed(b))
            return null;
        if (comparison.Equality.Equal(a, b))
            return true;
        return (HasDecimal(a) || HasDecimal(b)) && Agree(comparison.Equality, a, b);
    }

    private static bool HasDecimal(Node node) => Nodes.All(node).Any(part => part is NumberNode { IsDecimal: true });

    private static bool Agree(Equality equality, Node a, Node b)
    {
        if (equality.Approximate(a) is not { IsReal: true } x || equality.Approximate(b) is not { IsReal: true } y)
            return false;
        if (x.Re.Sign != y.Re.Sign || x.Re.Mantissa.IsZero || !x.Re.IsModerate || !y.Re.IsModerate)
            return false;
        Fraction p = (equality.Rational(a) ?? x.Re.Middle()).Abs();
        Fraction q = (equality.Rational(b) ?? y.Re.Middle()).Abs();
        int significant = Digits - 1 - Math.Max(Exponent(p), Exponent(q));
        return Round(p, Digits) == Round(q, Digits) && Round(p, significant) == Round(q, significant)
            && !(p.Denominator.IsOne && q.Denominator.IsOne);
    }

    private static BigInteger Round(Fraction value, int places)
    {
        BigInteger scale = BigInteger.Pow(10, Math.Abs(places));
        (BigInteger top, BigInteger bottom) = places < 0
            ? (value.Numerator, value.Denominator * scale)
            : (value.Numerator * scale, value.Denominator);
        return ((2 * top) + bottom) / (2 * bottom);
    }

    /// <summary>The exponent of ten of the first digit.</summary>
    private static int Exponent(Fraction value)
        => (int)Math.Floor(BigInteger.Log10(value.Numerator) - BigInteger.Log10(value.Denominator));
}
