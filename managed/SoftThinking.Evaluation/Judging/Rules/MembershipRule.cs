using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>x ∈ S says S.</summary>
internal static class MembershipRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        (Node x, Node y) = (Strip(a), Strip(b));
        return x == a && y == b ? null : comparison.Equal(x, y);
    }

    private static Node Strip(Node node) => node is RelationNode { Relations: ['∈'] } relation ? relation.Sides[1] : node;
}
