using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>An interval; an infinite end is never closed.</summary>
internal sealed record Interval(Node Low, bool HasLow, Node High, bool HasHigh)
{
    public static readonly Node Infinite = new SymbolNode(Constants.Infinity);
    public static readonly Node MinusInfinite = Nodes.Negate(Infinite);
    public static readonly Interval All = new(MinusInfinite, false, Infinite, false);

    public static Interval Below(Node high, bool closed) => new(MinusInfinite, false, high, closed);

    public static Interval Above(Node low, bool closed) => new(low, closed, Infinite, false);

    public static Interval Point(Node value) => new(value, true, value, true);
}

/// <summary>Reads sets of real numbers as unions of intervals.</summary>
internal static class Intervals
{
    /// <summary>The intervals of an answer, or null for one that is no set of intervals.</summary>
    public static IReadOnlyList<Interval>? Of(Equality equality, Node node) => node switch
    {
        UnionNode union => OfParts(equality, union.Parts),
        TupleNode { Items: [var low, var high] } tuple when Nodes.IsExpression(low) && Nodes.IsExpression(high)
            => [new Interval(low, tuple.Open == '[' && !Nodes.IsInfinite(low), high, tuple.Close == ']' && !Nodes.IsInfinite(high))],
        SymbolNode { Name: Constants.Reals } => [Interval.All],
        SetNode set when set.Items.All(Nodes.IsClosed) => [.. set.Items.Select(Interval.Point)],
        RelationNode { Relations: ['∖'], Sides: [SymbolNode { Name: Constants.Reals }, SetNode { Items: var holes }] }
            => Without(equality, holes),
        RelationNode relation => Inequalities.Solve(equality, relation),
        ListNode list when list.Items.All(item => item is RelationNode or TupleNode or UnionNode)
            => OfParts(equality, list.Items) is { } parts ? (list.IsAlternative ? parts : Intersection(equality, parts)) : null,
        _ => null,
    };

    /// <summary>x > 2, x &lt; 5 means both; what cannot be both is a union.</summary>
    private static List<Interval> Intersection(Equality equality, List<Interval> parts)
    {
        if (parts.Count != 2)
            return parts;
        Interval? low = parts.Find(part => Nodes.IsInfinite(part.High));
        Interval? high = parts.Find(part => Nodes.IsInfinite(part.Low));
        return low is not null && high is not null && low != high && equality.Sign(Nodes.Difference(high.High, low.Low)) > 0
            ? [new Interval(low.Low, low.HasLow, high.High, high.HasHigh)]
            : parts;
    }

    /// <summary>The real numbers without some points.</summary>
    private static List<Interval>? Without(Equality equality, IReadOnlyList<Node> holes)
    {
        if (holes.Count > Matching.MaxItems || !holes.All(hole => equality.Approximate(hole) is { IsReal: true, Re.IsModerate: true }))
            return null;
        List<Node> sorted = holes.OrderBy(hole => equality.Approximate(hole)!.Value.Re.Middle()).ToList();
        List<Interval> intervals = [];
        Node low = Interval.MinusInfinite;
        foreach (Node hole in sorted)
        {
            intervals.Add(new Interval(low, false, hole, false));
            low = hole;
        }
        intervals.Add(Interval.Above(low, false));
        return intervals;
    }

    private static List<Interval>? OfParts(Equality equality, IReadOnlyList<Node> parts)
    {
        List<Interval> all = [];
        foreach (Node part in parts)
        {
            if (Of(equality, part) is not { } intervals)
                return null;
            all.AddRange(intervals);
        }
        return all;
    }
}
