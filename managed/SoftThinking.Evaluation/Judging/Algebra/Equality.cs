using System.Numerics;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>
/// Whether two expressions are equal: exactly where they have no variables and are made of rationals, square roots, π, e
/// and i; otherwise at several fixed points, in exact arithmetic or with proven error bounds.
/// </summary>
internal sealed class Equality(Budget budget)
{
    private const int Agreements = 5;
    private const int MinAgreements = 3;
    private const int MaxPoints = 16;

    private enum Finding
    {
        Equal,
        Different,

        /// <summary>There is no value, or it is not known well enough.</summary>
        Unknown,

        /// <summary>The values are too large for any arithmetic here.</summary>
        TooLarge,
    }

    /// <summary>Whether the expressions have the same value wherever both have one.</summary>
    public bool Equal(Node a, Node b)
    {
        if (!Nodes.IsExpression(a) || !Nodes.IsExpression(b))
            return false;
        if (Nodes.IsInfinite(a) || Nodes.IsInfinite(b))
            return Nodes.IsInfinite(a) && Nodes.IsInfinite(b) && Equal(Finite(a), Finite(b));
        SortedSet<string> variables = Nodes.Variables(a);
        variables.UnionWith(Nodes.Variables(b));
        if (variables.Count == 0)
            return Decide(Compare(a, b, new Dictionary<string, Fraction>()), a, b);
        bool hasFactorial = Nodes.All(a).Concat(Nodes.All(b)).Any(node => node is FunctionNode { Name: Functions.Factorial });
        // (-1)ⁿ has values for integers only.
        return (!hasFactorial ? EqualAtPoints(a, b, variables, integers: false) : null)
            ?? EqualAtPoints(a, b, variables, integers: true)
            ?? false;
    }

    /// <summary>Whether a closed expression is zero.</summary>
    public bool IsZero(Node node) => Equal(node, NumberNode.Zero);

    /// <summary>The sign of a closed real expression, or null where it is not known.</summary>
    public int? Sign(Node node) => Approximate(node) switch
    {
        { Im.IsExactZero: true } value when value.Re.IsExactZero => 0,
        { Im.IsExactZero: true } value when !value.Re.HoldsZero => value.Re.Sign,
        _ => IsZero(node) ? 0 : null,
    };

    /// <summary>The value of a closed expression if it is rational and can be computed exactly, or null.</summary>
    public Fraction? Rational(Node node)
    {
        try
        {
            return new ExactEvaluator(new Dictionary<string, Fraction>(), budget).Evaluate(node)?.Rational;
        }
        catch (Exception exception) when (exception is UndefinedException or TooLargeException)
        {
            return null;
        }
    }

    /// <summary>The value of a closed expression with its error bound, or null where it has none.</summary>
    public ComplexBall? Approximate(Node node)
    {
        if (!Nodes.IsClosed(node) || Nodes.IsInfinite(node))
            return null;
        try
        {
            return new BallEvaluator(new Dictionary<string, Fraction>(), Precision(node), budget).Evaluate(node);
        }
        catch (Exception exception) when (exception is UndefinedException or TooLargeException)
        {
            return null;
        }
    }

    /// <summary>Whether the expressions agree where both have values, or null where that is almost nowhere.</summary>
    private bool? EqualAtPoints(Node a, Node b, SortedSet<string> variables, bool integers)
    {
        int agreements = 0;
        for (int i = 0; i < MaxPoints && agreements < Agreements; i++)
        {
            Finding finding = Compare(a, b, Points.At(i, variables, integers));
            if (finding == Finding.Different)
                return false;
            if (finding == Finding.TooLarge && agreements == 0 && i > 2)
                return Decide(finding, a, b);
            agreements += finding == Finding.Equal ? 1 : 0;
        }
        return agreements >= MinAgreements ? true : null;
    }

    private static bool Decide(Finding finding, Node a, Node b) => finding switch
    {
        Finding.Equal => true,
        Finding.TooLarge => Nodes.Spell(a) == Nodes.Spell(b),
        _ => false,
    };

    private Finding Compare(Node a, Node b, IReadOnlyDictionary<string, Fraction> point)
    {
        try
        {
            ExactEvaluator exact = new(point, budget);
            if (exact.Evaluate(a) is { } x && exact.Evaluate(b) is { } y)
            {
                if (exact.CrossedBranch && point.Count > 0)
                    return Finding.Unknown;
                return Exact.Add(x, Exact.Scale(y, Fraction.MinusOne, budget), budget).IsZero ? Finding.Equal : Finding.Different;
            }
        }
        catch (TooLargeException)
        {
            return CompareResidues(a, b, point);
        }
        catch (UndefinedException)
        {
            return Finding.Unknown;
        }
        return CompareBalls(a, b, point);
    }

    private Finding CompareResidues(Node a, Node b, IReadOnlyDictionary<string, Fraction> point)
    {
        try
        {
            foreach (BigInteger prime in ModularEvaluator.Primes)
            {
                ModularEvaluator evaluator = new(point, prime, budget);
                if (evaluator.Evaluate(a) is not { } x || evaluator.Evaluate(b) is not { } y)
                    return Finding.TooLarge;
                if (x != y)
                    return Finding.Different;
            }
            return Finding.Equal;
        }
        catch (Exception exception) when (exception is TooLargeException or UndefinedException)
        {
            return Finding.TooLarge;
        }
    }

    private Finding CompareBalls(Node a, Node b, IReadOnlyDictionary<string, Fraction> point)
    {
        try
        {
            int precision = Math.Max(Precision(a), Precision(b));
            BallEvaluator evaluator = new(point, precision, budget);
            if (evaluator.Evaluate(a) is not { } x || evaluator.Evaluate(b) is not { } y)
                return Finding.Unknown;
            if (evaluator.CrossedBranch && point.Count > 0)
                return Finding.Unknown;
            ComplexBall difference = ComplexBall.Add(x, -y, precision);
            if (!difference.Re.HoldsZero || !difference.Im.HoldsZero)
                return Finding.Different;
            long magnitude = Math.Max(x.Length(precision).Magnitude, y.Length(precision).Magnitude);
            long error = Math.Max(difference.Re.Error, difference.Im.Error);
            return error < Math.Max(magnitude, -64) - (precision / 2) ? Finding.Equal : Finding.Unknown;
        }
        catch (TooLargeException)
        {
            return Finding.TooLarge;
        }
        catch (UndefinedException)
        {
            return Finding.Unknown;
        }
    }

    /// <summary>
    /// Bits to compute with. Roots of large integers can be close to others without being equal, such as √(10¹⁰⁰ + 1) and 10⁵⁰,
    /// so the precision follows the size of what was written.
    /// </summary>
    private static int Precision(Node node)
    {
        long bits = Nodes.All(node).Sum(part => part is NumberNode number ? Exact.Bits(number.Value) : 0);
        long exponents = Nodes.All(node).OfType<PowerNode>().Select(power => power.Exponent).OfType<NumberNode>()
            .Select(exponent => BigInteger.Abs(exponent.Value.Numerator))
            .Sum(exponent => exponent < 4000 ? (long)exponent : 0);
        return (int)Math.Min(4096, 320 + (4 * bits) + (8 * exponents));
    }

    private static Node Finite(Node node) => Nodes.Substitute(
        node, new Dictionary<string, Node> { [Constants.Infinity] = NumberNode.One });
}
