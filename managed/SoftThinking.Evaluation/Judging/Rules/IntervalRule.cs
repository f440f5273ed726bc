using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Intervals, unions of them, and inequalities in one variable that describe them. Brackets matter.</summary>
internal static class IntervalRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        if (!IsSetOfReals(a) && !IsSetOfReals(b))
            return null;
        if (Intervals.Of(comparison.Equality, a) is not { } x || Intervals.Of(comparison.Equality, b) is not { } y)
            return null;
        return x.Count == y.Count && Matching.Equal(x, y, (p, q) => Equal(comparison, p, q));
    }

    /// <summary>Whether a node cannot be anything but a set of real numbers; (a, b) can be a point as well.</summary>
    private static bool IsSetOfReals(Node node) => node is UnionNode or RelationNode or SymbolNode { Name: Constants.Reals }
        || (node is ListNode list && list.Items.Any(item => item is RelationNode { Relations: not ['='] }));

    private static bool Equal(Comparison comparison, Interval a, Interval b)
        => a.HasLow == b.HasLow && a.HasHigh == b.HasHigh && comparison.Equal(a.Low, b.Low) && comparison.Equal(a.High, b.High);
}
