using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Solves inequalities that are linear in one variable or in its absolute value.</summary>
internal static class Inequalities
{
    /// <summary>The solutions, or null where they are not known.</summary>
    public static IReadOnlyList<Interval>? Solve(Equality equality, RelationNode relation)
    {
        if (!relation.Sides.All(Nodes.IsExpression) || Nodes.Variables(relation).Count != 1)
            return null;
        return Bounds(relation) is var (expression, intervals) ? Invert(equality, expression, intervals) : null;
    }

    /// <summary>An expression with a variable, and the intervals that it is said to be in.</summary>
    private static (Node Expression, List<Interval> Intervals)? Bounds(RelationNode relation)
    {
        IReadOnlyList<Node> sides = relation.Sides;
        switch (relation.Relations)
        {
            case [var sign] when Nodes.IsClosed(sides[1]):
                return Half(sign, sides[1]) is { } right ? (sides[0], right) : null;
            case [var sign] when Nodes.IsClosed(sides[0]):
                return Half(Mirror(sign), sides[0]) is { } left ? (sides[1], left) : null;
            case [var sign]:
                return Half(sign, NumberNode.Zero) is { } both ? (Nodes.Difference(sides[0], sides[1]), both) : null;
            case ['<' or '≤', '<' or '≤'] when Nodes.IsClosed(sides[0]) && Nodes.IsClosed(sides[2]):
                return (sides[1], [Between(sides[0], relation.Relations[0], sides[2], relation.Relations[1])]);
            case ['>' or '≥', '>' or '≥'] when Nodes.IsClosed(sides[0]) && Nodes.IsClosed(sides[2]):
                return (sides[1], [Between(sides[2], relation.Relations[1], sides[0], relation.Relations[0])]);
            default:
                return null;
        }
    }

    private static Interval Between(Node low, char lowSign, Node high, char highSign) => new(
        low, lowSign is '≤' or '≥' && !Nodes.IsInfinite(low), high, highSign is '≤' or '≥' && !Nodes.IsInfinite(high));

    private static List<Interval>? Half(char sign, Node bound) => sign switch
    {
        '<' or '≤' => [Interval.Below(bound, sign == '≤')],
        '>' or '≥' => [Interval.Above(bound, sign == '≥')],
        '≠' => [Interval.Below(bound, false), Interval.Above(bound, false)],
        _ => null,
    };

    private static char Mirror(char sign) => sign switch
    {
        '<' => '>',
        '>' => '<',
        '≤' => '≥',
        '≥' => '≤',
        _ => sign,
    };

    private static List<Interval>? Invert(Equality equality, Node expression, List<Interval> intervals)
    {
        if (expression is FunctionNode { Name: Functions.Absolute } absolute)
            return InvertAbsolute(equality, absolute.Arguments[0], intervals);
        string variable = Nodes.Variables(expression).Single();
        Node At(long value) => Nodes.Substitute(expression, new Dictionary<string, Node> { [variable] = Nodes.Number(value) });
        Node start = At(0);
        Node slope = Nodes.Difference(At(1), start);
        SumNode line = new([start, Nodes.Product(slope, new SymbolNode(variable))]);
        if (!equality.Equal(expression, line))
            return Parabola.Invert(equality, expression, variable, intervals);
        if (equality.Sign(slope) is not { } sign || sign == 0)
            return null;
        Node Map(Node bound) => Nodes.IsInfinite(bound)
            ? (sign > 0 ? bound : Nodes.Negate(bound))
            : Nodes.Quotient(Nodes.Difference(bound, start), slope);
        return [.. intervals.Select(interval => sign > 0
            ? new Interval(Map(interval.Low), interval.HasLow, Map(interval.High), interval.HasHigh)
            : new Interval(Map(interval.High), interval.HasHigh, Map(interval.Low), interval.HasLow))];
    }

    /// <summary>|x| from a to b means x from a to b or from -b to -a; with a negative a, it is x from -b to b.</summary>
    private static List<Interval>? InvertAbsolute(Equality equality, Node inner, List<Interval> intervals)
    {
        List<Interval> all = [];
        foreach ((Node? low, bool hasLow, Node? high, bool hasHigh) in intervals)
        {
            int? sign = Nodes.IsInfinite(low) ? -1 : equality.Sign(low);
            if (sign is null)
                return null;
            if (sign < 0)
            {
                all.Add(new Interval(Nodes.Negate(high), hasHigh, high, hasHigh));
                continue;
            }
            all.Add(new Interval(low, hasLow, high, hasHigh));
            all.Add(new Interval(Nodes.Negate(high), hasHigh, Nodes.Negate(low), hasLow));
        }
        return Invert(equality, inner, all);
    }
}
