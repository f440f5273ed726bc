using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Ratios are equal if their terms are proportional; one of two terms equals its quotient.</summary>
internal static class RatioRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b) => (a, b) switch
    {
        (RatioNode x, RatioNode y) => Proportional(comparison, x.Terms, y.Terms),
        (RatioNode { Terms: [var p, var q] }, _) => comparison.Equal(Nodes.Quotient(p, q), b),
        (_, RatioNode { Terms: [var p, var q] }) => comparison.Equal(a, Nodes.Quotient(p, q)),
        (RatioNode, _) or (_, RatioNode) => false,
        _ => null,
    };

    private static bool Proportional(Comparison comparison, IReadOnlyList<Node> a, IReadOnlyList<Node> b)
    {
        // With a zero it is a time of day, or nothing that could be reduced.
        if (a.Concat(b).Any(term => comparison.Equality.IsZero(term)))
            return comparison.EqualInOrder(a, b);
        return a.Count == b.Count && Enumerable.Range(1, a.Count - 1).All(i =>
            comparison.Equal(Nodes.Product(a[i], b[0]), Nodes.Product(b[i], a[0])));
    }
}
