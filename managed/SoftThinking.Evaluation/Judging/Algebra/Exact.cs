using System.Numerics;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>One product of constants: √n · iᵏ · πᵖ · eᵠ with n at least 1 and k 0 or 1.</summary>
internal readonly record struct Monomial(BigInteger Radicand, bool Imaginary, int Pi, int E)
{
    public static readonly Monomial One = new(BigInteger.One, false, 0, 0);
}

/// <summary>
/// A number held exactly: a sum of rational multiples of <see cref="Monomial"/>s. Square roots of integers of which no two
/// have a product that is a square are independent over the rationals, so a value is zero only if it has no terms; no
/// radicand has to be factored for that.
/// </summary>
internal sealed class Exact
{
    private const int MaxTerms = 24;

    /// <summary>Powers of π and e above this are refused, far below what an integer holds.</summary>
    private const int MaxPower = 1 << 20;
    private readonly Dictionary<Monomial, Fraction> _terms = [];

    private Exact()
    {
    }

    public Exact(Fraction value)
        : this(Monomial.One, value)
    {
    }

    public Exact(Monomial monomial, Fraction coefficient)
    {
        if (!coefficient.IsZero)
            _terms[monomial] = coefficient;
    }

    public IReadOnlyDictionary<Monomial, Fraction> Terms => _terms;

    public bool IsZero => _terms.Count == 0;

    /// <summary>The value as a rational, or null where it is none.</summary>
    public Fraction? Rational => _terms.Count switch
    {
        0 => Fraction.Zero,
        1 when _terms.TryGetValue(Monomial.One, out Fraction value) => value,
        _ => null,
    };

    /// <summary>The square root of a rational.</summary>
    public static Exact Root(Fraction value, Budget budget)
    {
        BigInteger square = BigInteger.Abs(value.Numerator) * value.Denominator;
        Monomial monomial = Monomial.One with { Imaginary = value.Numerator.Sign < 0 };
        return SquareRoot(square, budget) is { } root
            ? new Exact(monomial, new Fraction(root, value.Denominator))
            : new Exact(monomial with { Radicand = square }, new Fraction(BigInteger.One, value.Denominator));
    }

    public static Exact Add(Exact a, Exact b, Budget budget)
    {
        Exact sum = new();
        foreach ((Monomial monomial, Fraction value) in a._terms.Concat(b._terms))
            sum.AddTerm(monomial, value, budget);
        return sum;
    }

    public static Exact Multiply(Exact a, Exact b, Budget budget)
    {
        Exact product = new();
        foreach ((Monomial x, Fraction p) in a._terms)
        {
            foreach ((Monomial y, Fraction q) in b._terms)
            {
                budget.SpendBits(Bits(p) + Bits(q));
                bool negative = x.Imaginary && y.Imaginary;
                // √x √y = g √((x/g)(y/g)): smaller radicands than √(xy).
                BigInteger common = BigInteger.GreatestCommonDivisor(x.Radicand, y.Radicand);
                BigInteger radicand = x.Radicand / common * (y.Radicand / common);
                Monomial monomial = new(radicand, x.Imaginary != y.Imaginary, x.Pi + y.Pi, x.E + y.E);
                if (Math.Max(Math.Abs(monomial.Pi), Math.Abs(monomial.E)) > MaxPower)
                    throw new TooLargeException();
                product.AddTerm(monomial, p * q * new Fraction(negative ? -common : common), budget);
            }
        }
        return product;
    }

    public static Exact Scale(Exact value, Fraction factor, Budget budget)
        => Multiply(value, new Exact(factor), budget);

    /// <summary>The reciprocal, or null where it is not a sum of monomials.</summary>
    public Exact? Reciprocal(Budget budget)
    {
        Exact numerator = new(Fraction.One);
        Exact denominator = this;
        // Each conjugate removes one square root from the denominator; new products of the others may appear, so it is bounded.
        for (int round = 0; round < 12; round++)
        {
            if (denominator._terms.Count == 1)
            {
                (Monomial monomial, Fraction value) = denominator._terms.Single();
                return Multiply(numerator, Invert(monomial, value), budget);
            }
            if (denominator.Conjugate() is not { } conjugate)
                return null;
            numerator = Multiply(numerator, conjugate, budget);
            denominator = Multiply(denominator, conjugate, budget);
        }
        return null;
    }

    /// <summary>The number of bits of the largest numerator or denominator.</summary>
    public long Bits() => _terms.Count == 0 ? 1 : _terms.Max(term => Bits(term.Value) + (long)term.Key.Radicand.GetBitLength());

    public static long Bits(Fraction value) => Math.Max(value.Numerator.GetBitLength(), value.Denominator.GetBitLength());

    /// <summary>The square root of an integer, or null where it is none.</summary>
    public static BigInteger? SquareRoot(BigInteger value, Budget budget)
    {
        long bits = (long)value.GetBitLength();
        budget.Spend(48);
        budget.SpendBits(2 * bits);
        BigInteger root = IntegerRoot.Floor(value, 2);
        return root * root == value ? root : null;
    }

    private static Exact Invert(Monomial monomial, Fraction value)
    {
        // 1/(v √n i πᵖ) = √n (-i) π⁻ᵖ / (v n)
        Fraction divisor = value * new Fraction(monomial.Imaginary ? -monomial.Radicand : monomial.Radicand);
        return new Exact(monomial with { Pi = -monomial.Pi, E = -monomial.E }, divisor.Reciprocal());
    }

    /// <summary>The value with one square root's sign changed: i first, then a prime-like factor of the radicands.</summary>
    private Exact? Conjugate()
    {
        if (_terms.Keys.Any(key => key.Imaginary))
            return Flip(key => key.Imaginary);
        BigInteger radicand = _terms.Keys.Select(key => key.Radicand).Where(value => value > 1).DefaultIfEmpty(BigInteger.One).Min();
        if (radicand.IsOne)
            return null;
        return Flip(key => !key.Radicand.IsOne && (key.Radicand % radicand).IsZero);
    }

    private Exact Flip(Func<Monomial, bool> choose)
    {
        Exact flipped = new();
        foreach ((Monomial monomial, Fraction value) in _terms)
            flipped._terms[monomial] = choose(monomial) ? -value : value;
        return flipped;
    }

    private void AddTerm(Monomial monomial, Fraction value, Budget budget)
    {
        if (value.IsZero)
            return;
        if (!_terms.ContainsKey(monomial))
            (monomial, value) = Merge(monomial, value, budget);
        Fraction sum = _terms.GetValueOrDefault(monomial, Fraction.Zero) + value;
        budget.SpendBits(Bits(sum));
        if (sum.IsZero)
            _terms.Remove(monomial);
        else
            _terms[monomial] = sum;
        if (_terms.Count > MaxTerms || Bits(sum) > Budget.MaxBits)
            throw new TooLargeException();
    }

    /// <summary>Expresses a term by one that is present, where the product ab of the radicands is a square: √a = (√(ab) / b) √b.</summary>
    private (Monomial Monomial, Fraction Value) Merge(Monomial monomial, Fraction value, Budget budget)
    {
        if (SquareRoot(monomial.Radicand, budget) is { } whole)
            return (monomial with { Radicand = BigInteger.One }, value * new Fraction(whole));
        foreach (Monomial key in _terms.Keys)
        {
            if (key with { Radicand = monomial.Radicand } == monomial
                && SquareRoot(key.Radicand * monomial.Radicand, budget) is { } root)
                return (key, value * new Fraction(root, key.Radicand));
        }
        return (monomial, value);
    }
}

/// <summary>An exact value would be too large. It says nothing about the value: other means may decide.</summary>
internal sealed class TooLargeException : Exception
{
    public TooLargeException()
        : base("The exact value is too large.")
    {
    }
}
