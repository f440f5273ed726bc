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
        RelationNode relation => Inequalities.Solve(equality, relation),
        ListNode list when list.Items.All(item => item is RelationNode or TupleNode or UnionNode) => OfParts(equality, list.Items),
        _ => null,
    };

    private static List<Interval>? OfParts(Equality equality, IReadOnlyList<Node> parts)
    {
        var all = new List<Interval>();
        foreach (var part in parts)
        {
            if (Of(equality, part) is not { } intervals)
                return null;
            all.AddRange(intervals);
        }
        return all;
    }
}
