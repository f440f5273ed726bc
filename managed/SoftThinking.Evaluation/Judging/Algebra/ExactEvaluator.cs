using System.Globalization;
using System.Numerics;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Evaluates expressions to <see cref="Exact"/> values.</summary>
internal sealed class ExactEvaluator(IReadOnlyDictionary<string, Fraction> point, Budget budget)
{
    private const int MaxFactorial = 2000;

    /// <summary>
    /// Whether a root of a negative number was computed. Its value depends on a choice of branch, and √x √y = √(xy) need not
    /// hold there.
    /// </summary>
    public bool CrossedBranch { get; private set; }

    /// <summary>
    /// The value, or null where it is not a sum of rational multiples of square roots and powers of π and e.
    /// Throws <see cref="TooLargeException"/> where it is one that would be too large, and
    /// <see cref="UndefinedException"/> where there is no value.
    /// </summary>
    public Exact? Evaluate(Node node)
    {
        budget.Spend();
        return node switch
        {
            NumberNode number => new Exact(number.Value),
            SymbolNode symbol => Symbol(symbol.Name),
            SumNode sum => Sum(sum.Terms),
            ProductNode product => Product(product.Factors),
            PowerNode power => Power(power),
            FunctionNode function => Function(function),
            _ => null,
        };
    }

    private Exact? Symbol(string name) => name switch
    {
        Constants.Pi => new Exact(Monomial.One with { Pi = 1 }, Fraction.One),
        Constants.E => new Exact(Monomial.One with { E = 1 }, Fraction.One),
        Constants.I => new Exact(Monomial.One with { Imaginary = true }, Fraction.One),
        _ => point.TryGetValue(name, out Fraction value) ? new Exact(value) : null,
    };

    private Exact? Sum(IReadOnlyList<Node> terms)
    {
        Exact sum = new(Fraction.Zero);
        foreach (Node term in terms)
        {
            if (Evaluate(term) is not { } value)
                return null;
            sum = Exact.Add(sum, value, budget);
        }
        return sum;
    }

    private Exact? Product(IReadOnlyList<Node> factors)
    {
        Exact product = new(Fraction.One);
        foreach (Node factor in factors)
        {
            if (Evaluate(factor) is not { } value)
                return null;
            product = Exact.Multiply(product, value, budget);
        }
        return product;
    }

    private Exact? Power(PowerNode node)
    {
        if (Evaluate(node.Exponent) is not { } exponent || Evaluate(node.Base) is not { } number)
            return null;
        if (exponent.Rational is not { } power)
            return null;
        if (power.Denominator.IsOne)
            return IntegerPower(number, power.Numerator);
        return number.Rational is { } rational ? RationalPower(rational, power) : null;
    }

    private Exact? IntegerPower(Exact value, BigInteger exponent)
    {
        if (value.IsZero)
        {
            if (exponent.Sign < 0)
                throw new UndefinedException();
            return new Exact(exponent.IsZero ? Fraction.One : Fraction.Zero);
        }
        if (value.Rational is { } rational && BigInteger.Abs(rational.Numerator).IsOne && rational.Denominator.IsOne)
            return new Exact(exponent.IsEven ? Fraction.One : rational);
        if (BigInteger.Abs(exponent) * value.Bits() > Budget.MaxBits)
            throw new TooLargeException();
        if (exponent.Sign < 0)
        {
            if (value.Reciprocal(budget) is not { } reciprocal)
                return null;
            value = reciprocal;
        }
        Exact result = new(Fraction.One);
        int bits = (int)BigInteger.Abs(exponent);
        for (Exact square = value; bits > 0; bits >>= 1)
        {
            if ((bits & 1) != 0)
                result = Exact.Multiply(result, square, budget);
            if (bits > 1)
                square = Exact.Multiply(square, square, budget);
        }
        return result;
    }

    private Exact? RationalPower(Fraction value, Fraction exponent)
    {
        if (value.IsZero)
            return exponent.Numerator.Sign > 0 ? new Exact(Fraction.Zero) : throw new UndefinedException();
        CrossedBranch |= value.Numerator.Sign < 0;
        if (exponent.Denominator == 2 && (value.Numerator.Sign > 0 || exponent.Numerator.IsOne))
            return IntegerPower(Exact.Root(value, budget), exponent.Numerator);
        if (exponent.Denominator > 64 || value.Numerator.Sign < 0)
            return null;
        int degree = (int)exponent.Denominator;
        return Root(value.Numerator, degree) is { } top && Root(value.Denominator, degree) is { } bottom
            ? IntegerPower(new Exact(new Fraction(top, bottom)), exponent.Numerator)
            : null;
    }

    private BigInteger? Root(BigInteger value, int degree)
    {
        budget.SpendBits(4 * (long)value.GetBitLength());
        BigInteger root = IntegerRoot.Floor(value, degree);
        return BigInteger.Pow(root, degree) == value ? root : null;
    }

    private Exact? Function(FunctionNode function)
    {
        Exact[] arguments = new Exact[function.Arguments.Count];
        for (int i = 0; i < arguments.Length; i++)
        {
            if (Evaluate(function.Arguments[i]) is not { } value)
                return null;
            arguments[i] = value;
        }
        if (function.Name.StartsWith(Functions.Call, StringComparison.Ordinal))
            return Call(function.Name, arguments);
        Exact argument = arguments[0];
        return function.Name switch
        {
            Functions.Degrees => Exact.Scale(
                Exact.Multiply(argument, new Exact(Monomial.One with { Pi = 1 }, Fraction.One), budget),
                new Fraction(1, 180),
                budget),
            Functions.Percent => Exact.Scale(argument, new Fraction(1, 100), budget),
            Functions.Root => Root(argument, arguments[1]),
            _ => argument.Rational is { } rational ? Rational(function.Name, rational) : null,
        };
    }

    private Exact? Root(Exact value, Exact degree)
    {
        if (value.Rational is not { } rational || degree.Rational is not { } number || !number.Denominator.IsOne)
            return null;
        if (number.Numerator.Sign <= 0)
            throw new UndefinedException();
        bool negative = rational.Numerator.Sign < 0 && !number.Numerator.IsEven;
        CrossedBranch |= negative;
        Exact? root = RationalPower(negative ? -rational : rational, number.Reciprocal());
        return root is null || !negative ? root : Exact.Scale(root, Fraction.MinusOne, budget);
    }

    private static Exact? Rational(string name, Fraction value)
    {
        switch (name)
        {
            case Functions.Absolute:
                return new Exact(value.Abs());
            case Functions.Floor:
                return new Exact(new Fraction(Floor(value)));
            case Functions.Ceiling:
                return new Exact(new Fraction(-Floor(-value)));
            case Functions.Factorial when value.Numerator.Sign < 0 || !value.Denominator.IsOne:
                throw new UndefinedException();
            case Functions.Factorial when value.Numerator > MaxFactorial:
                throw new TooLargeException();
            case Functions.Factorial:
                BigInteger product = BigInteger.One;
                for (int i = 2; i <= (int)value.Numerator; i++)
                    product *= i;
                return new Exact(new Fraction(product));
            default:
                return null;
        }
    }

    private static BigInteger Floor(Fraction value)
    {
        BigInteger quotient = BigInteger.DivRem(value.Numerator, value.Denominator, out BigInteger rest);
        return rest.Sign < 0 ? quotient - 1 : quotient;
    }

    /// <summary>A function that nothing is known about: a number that depends on its name and arguments only.</summary>
    private static Exact? Call(string name, Exact[] arguments)
    {
        string text = name;
        foreach (Exact argument in arguments)
        {
            if (argument.Rational is not { } value)
                return null;
            text += "," + value.Numerator.ToString(CultureInfo.InvariantCulture) + "/"
                + value.Denominator.ToString(CultureInfo.InvariantCulture);
        }
        ulong hash = 14695981039346656037UL;
        foreach (char c in text)
            hash = (hash ^ c) * 1099511628211UL;
        return new Exact(new Fraction((hash >> 20) % 1_000_003 + 2, 1009));
    }
}

/// <summary>An expression has no value, such as 1/0.</summary>
internal sealed class UndefinedException : Exception
{
    public UndefinedException()
        : base("The expression has no value.")
    {
    }
}
