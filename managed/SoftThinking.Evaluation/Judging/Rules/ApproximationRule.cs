using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>What stands before ≈ is the answer, unless it is only a name.</summary>
internal static class ApproximationRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        (Node x, Node y) = (Cut(a), Cut(b));
        return x == a && y == b ? null : comparison.Equal(x, y);
    }

    private static Node Cut(Node node)
    {
        if (node is not RelationNode relation)
            return node;
        int at = relation.Relations.ToList().IndexOf('≈');
        if (at < 0)
            return node;
        if (at > 0)
            return new RelationNode([.. relation.Sides.Take(at + 1)], [.. relation.Relations.Take(at)]);
        return Labels.IsLabel(relation.Sides[0])
            ? new RelationNode(relation.Sides, [.. relation.Relations.Select(sign => sign == '≈' ? '=' : sign)])
            : relation.Sides[0];
    }
}
