using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Solves quadratic inequalities that have two boundaries.</summary>
internal static class Parabola
{
    /// <summary>Where a quadratic expression is in an interval that is open to one side, or null where that is not known.</summary>
    public static List<Interval>? Invert(Equality equality, Node expression, string variable, IReadOnlyList<Interval> intervals)
    {
        if (intervals is not [var interval] || Nodes.IsInfinite(interval.Low) == Nodes.IsInfinite(interval.High))
            return null;
        bool isBelow = Nodes.IsInfinite(interval.Low);
        (Node bound, bool closed) = isBelow ? (interval.High, interval.HasHigh) : (interval.Low, interval.HasLow);
        Node At(long value) => Nodes.Difference(
            Nodes.Substitute(expression, new Dictionary<string, Node> { [variable] = Nodes.Number(value) }), bound);
        // f(x) = a x² + b x + c from f(0), f(1) and f(-1)
        Node c = At(0);
        Node a = Half(new SumNode([At(1), At(-1), Nodes.Negate(c), Nodes.Negate(c)]));
        Node b = Half(Nodes.Difference(At(1), At(-1)));
        SymbolNode x = new(variable);
        SumNode parabola = new([Nodes.Product(a, Nodes.Product(x, x)), Nodes.Product(b, x), c]);
        Node discriminant = Nodes.Difference(Nodes.Product(b, b), new ProductNode([Nodes.Number(4), a, c]));
        if (equality.Sign(a) is not { } opening || opening == 0 || equality.Sign(discriminant) is not > 0
            || !equality.Equal(Nodes.Difference(expression, bound), parabola))
            return null;
        PowerNode root = new(discriminant, NumberNode.Half);
        Node Root(int sign) => Nodes.Quotient(
            new SumNode([Nodes.Negate(b), Nodes.Product(Nodes.Number(sign * opening), root)]), Nodes.Product(Nodes.Number(2), a));
        return isBelow == opening > 0
            ? [new Interval(Root(-1), closed, Root(1), closed)]
            : [Interval.Below(Root(-1), closed), Interval.Above(Root(1), closed)];
    }

    private static Node Half(Node node) => Nodes.Product(NumberNode.Half, node);
}
