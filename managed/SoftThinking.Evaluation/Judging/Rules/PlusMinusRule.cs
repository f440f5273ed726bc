using Fractions;
using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>1 ± √2 is two values.</summary>
internal static class PlusMinusRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        (Node x, Node y) = (Expand(a), Expand(b));
        return x == a && y == b ? null : comparison.Equal(x, y);
    }

    private static Node Expand(Node node)
    {
        if (!HasSign(node))
            return node;
        return node switch
        {
            SetNode set => new SetNode([.. set.Items.SelectMany(Values)]),
            ListNode list => new ListNode([.. list.Items.SelectMany(Values)]),
            _ => new ListNode([.. Values(node)]),
        };
    }

    private static IEnumerable<Node> Values(Node node)
        => HasSign(node) ? [With(node, Fraction.One), With(node, Fraction.MinusOne)] : [node];

    private static Node With(Node node, Fraction sign)
        => Nodes.Substitute(node, new Dictionary<string, Node> { [Constants.Sign] = new NumberNode(sign) });

    private static bool HasSign(Node node) => Nodes.All(node).Any(part => Nodes.IsSymbol(part, Constants.Sign));
}
