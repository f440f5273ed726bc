using System.Numerics;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>
/// Evaluates rational expressions modulo a prime, for values that are too large to be written down: two rational numbers that
/// differ modulo a prime are different, and two that agree modulo two large primes count as equal.
/// </summary>
internal sealed class ModularEvaluator(IReadOnlyDictionary<string, Fraction> point, BigInteger prime, Budget budget)
{
    /// <summary>Primes without a special form: 2 has a large order modulo each of them.</summary>
    public static readonly BigInteger[] Primes = [1_000_000_000_000_000_003, 1_000_000_000_000_000_009];

    /// <summary>The residue, or null where the expression is not rational or a divisor is zero.</summary>
    public BigInteger? Evaluate(Node node)
    {
        budget.Spend(16);
        switch (node)
        {
            case NumberNode number:
                return Residue(number.Value);
            case SymbolNode symbol:
                return point.TryGetValue(symbol.Name, out Fraction value) ? Residue(value) : null;
            case SumNode sum:
                return Fold(sum.Terms, BigInteger.Zero, (a, b) => a + b);
            case ProductNode product:
                return Fold(product.Factors, BigInteger.One, (a, b) => a * b);
            case PowerNode power:
                return Power(power);
            default:
                return null;
        }
    }

    private BigInteger? Fold(IReadOnlyList<Node> nodes, BigInteger start, Func<BigInteger, BigInteger, BigInteger> combine)
    {
        foreach (Node node in nodes)
        {
            if (Evaluate(node) is not { } value)
                return null;
            start = combine(start, value) % prime;
        }
        return (start + prime) % prime;
    }

    private BigInteger? Power(PowerNode power)
    {
        if (Evaluate(power.Base) is not { } number)
            return null;
        if (new ExactEvaluator(point, budget).Evaluate(power.Exponent)?.Rational is not { } exponent || !exponent.Denominator.IsOne)
            return null;
        budget.Spend((long)exponent.Numerator.GetBitLength() * 4);
        if (exponent.Numerator.Sign >= 0)
            return BigInteger.ModPow(number, exponent.Numerator, prime);
        return number.IsZero ? null : BigInteger.ModPow(Inverse(number), -exponent.Numerator, prime);
    }

    private BigInteger? Residue(Fraction value)
    {
        BigInteger denominator = value.Denominator % prime;
        return denominator.IsZero ? null : (((value.Numerator % prime) + prime) * Inverse(denominator)) % prime;
    }

    private BigInteger Inverse(BigInteger value) => BigInteger.ModPow(value, prime - 2, prime);
}
