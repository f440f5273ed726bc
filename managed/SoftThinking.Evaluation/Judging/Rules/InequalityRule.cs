using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Other inequalities: in either direction, and multiplied by a positive constant. Chains are compared side by side.</summary>
internal static class InequalityRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        if (a is not RelationNode x || b is not RelationNode y)
            return a is RelationNode || b is RelationNode ? false : null;
        (x, y) = (Ascending(x), Ascending(y));
        if (!x.Relations.SequenceEqual(y.Relations))
            return false;
        if (comparison.EqualInOrder(x.Sides, y.Sides))
            return true;
        return x.Relations is ['<' or '≤' or '≠'] && x.Sides.Concat(y.Sides).All(Nodes.IsExpression)
            && Proportion.Holds(comparison.Equality, Left(x), Left(y), positive: x.Relations[0] != '≠');
    }

    private static Node Left(RelationNode relation) => Nodes.Difference(relation.Sides[0], relation.Sides[1]);

    private static RelationNode Ascending(RelationNode relation) => relation.Relations.All(sign => sign is '>' or '≥')
        ? new RelationNode(
            [.. relation.Sides.Reverse()],
            [.. relation.Relations.Reverse().Select(sign => sign == '>' ? '<' : '≤')])
        : relation;
}
