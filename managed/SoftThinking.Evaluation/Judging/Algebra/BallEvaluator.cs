using System.Numerics;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Evaluates expressions to complex numbers with bounds of their errors.</summary>
internal sealed class BallEvaluator(IReadOnlyDictionary<string, Fraction> point, int precision, Budget budget)
{
    private const long TranscendentalWork = 200;
    private readonly ExactEvaluator _exact = new(point, budget);

    private bool _crossedBranch;

    /// <summary>Whether a root, power or logarithm of a negative number was computed.</summary>
    public bool CrossedBranch => _crossedBranch || _exact.CrossedBranch;

    /// <summary>The value, or null for an expression that has none that this evaluator knows.</summary>
    public ComplexBall? Evaluate(Node node)
    {
        budget.SpendBits(precision);
        if (node is not (NumberNode or SymbolNode) && TryExact(node) is { } value)
            return value;
        return node switch
        {
            NumberNode number => Real(Ball.From(number.Value, precision)),
            SymbolNode symbol => Symbol(symbol.Name),
            SumNode sum => Fold(sum.Terms, ComplexBall.Zero, ComplexBall.Add),
            ProductNode product => Fold(product.Factors, ComplexBall.One, ComplexBall.Multiply),
            PowerNode power => Power(power),
            FunctionNode function => Function(function),
            _ => null,
        };
    }

    /// <summary>An exact rational is better than any ball: zero is zero, and an integer exponent is an integer.</summary>
    private ComplexBall? TryExact(Node node)
    {
        try
        {
            return node is FunctionNode or PowerNode && _exact.Evaluate(node)?.Rational is { } value
                ? Real(Ball.From(value, precision))
                : null;
        }
        catch (TooLargeException)
        {
            return null;
        }
    }

    private ComplexBall? Symbol(string name) => name switch
    {
        Constants.Pi => Real(BallFunctions.Pi(precision)),
        Constants.E => Real(BallFunctions.Exp(Ball.One, precision)),
        Constants.I => ComplexBall.I,
        _ => point.TryGetValue(name, out Fraction value) ? Real(Ball.From(value, precision)) : null,
    };

    private ComplexBall? Fold(
        IReadOnlyList<Node> nodes, ComplexBall start, Func<ComplexBall, ComplexBall, int, ComplexBall> combine)
    {
        foreach (Node node in nodes)
        {
            if (Evaluate(node) is not { } value)
                return null;
            start = combine(start, value, precision);
        }
        return start;
    }

    private ComplexBall? Power(PowerNode node)
    {
        if (Evaluate(node.Base) is not { } z)
            return null;
        if (_exact.Evaluate(node.Exponent)?.Rational is { } exponent && BigInteger.Abs(exponent.Numerator) < int.MaxValue)
            return RationalPower(z, exponent);
        if (Evaluate(node.Exponent) is not { } w)
            return null;
        if (Nodes.IsSymbol(node.Base, Constants.E))
            return Transcendental(() => ComplexBall.Exp(w, precision));
        Cross(z);
        return Transcendental(() => ComplexBall.Exp(ComplexBall.Multiply(w, ComplexBall.Log(z, precision), precision), precision));
    }

    private ComplexBall? RationalPower(ComplexBall z, Fraction exponent)
    {
        if (BigInteger.Abs(exponent.Numerator) >= int.MaxValue)
            throw new TooLargeException();
        long top = (long)exponent.Numerator;
        if (exponent.Denominator.IsOne)
            return ComplexBall.Power(z, top, precision);
        if (z.Re.IsExactZero && z.Im.IsExactZero)
            return top > 0 ? ComplexBall.Zero : throw new UndefinedException();
        Cross(z);
        // In school mathematics an odd root of a negative number is negative.
        if (z.IsReal && z.Re.Sign < 0 && !exponent.Denominator.IsEven)
        {
            ComplexBall? root = RationalPower(-z, exponent);
            return top % 2 == 0 ? root : -root;
        }
        if (exponent.Denominator == 2 && z.IsReal)
        {
            Ball root = Ball.SquareRoot(z.Re.Sign < 0 ? -z.Re : z.Re, precision);
            return ComplexBall.Power(z.Re.Sign < 0 ? new(Ball.Zero, root) : Real(root), top, precision);
        }
        ComplexBall factor = Real(Ball.From(exponent, precision));
        return Transcendental(() =>
            ComplexBall.Exp(ComplexBall.Multiply(factor, ComplexBall.Log(z, precision), precision), precision));
    }

    private ComplexBall? Function(FunctionNode function)
    {
        if (Evaluate(function.Arguments[0]) is not { } z)
            return null;
        switch (function.Name)
        {
            case Functions.Absolute:
                return Real(z.Length(precision));
            case Functions.Root:
                return _exact.Evaluate(function.Arguments[1])?.Rational is { } degree && degree.Numerator.Sign > 0
                    ? RationalPower(z, degree.Reciprocal())
                    : null;
            case Functions.Degrees:
                Ball turn = Ball.Multiply(BallFunctions.Pi(precision), Ball.From(new Fraction(1, 180), precision), precision);
                return ComplexBall.Multiply(z, Real(turn), precision);
            case Functions.Percent:
                return ComplexBall.Multiply(z, Real(Ball.From(new Fraction(1, 100), precision)), precision);
            case "exp":
                return Transcendental(() => ComplexBall.Exp(z, precision));
            case "ln":
                Cross(z);
                return Transcendental(() => ComplexBall.Log(z, precision));
            default:
                return Trigonometry.Functions.TryGetValue(function.Name, out Func<ComplexBall, int, ComplexBall>? compute)
                    ? Transcendental(() => compute(z, precision))
                    : null;
        }
    }

    private ComplexBall Transcendental(Func<ComplexBall> compute)
    {
        budget.Spend(TranscendentalWork * (4 + (precision / 64 * (precision / 64))));
        return compute();
    }

    private void Cross(ComplexBall z)
    {
        if (!z.IsReal || z.Re.Sign < 0)
            _crossedBranch = true;
    }

    private static ComplexBall Real(Ball value) => new(value, Ball.Zero);
}
