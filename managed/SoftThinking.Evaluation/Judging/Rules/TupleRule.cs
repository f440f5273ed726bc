using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Points, vectors and single intervals: in order, and with the same brackets where they could be an interval.</summary>
internal static class TupleRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        if (a is not TupleNode && b is not TupleNode)
            return null;
        return a is TupleNode x && b is TupleNode y && SameBrackets(x, y) && comparison.EqualInOrder(x.Items, y.Items);
    }

    private static bool SameBrackets(TupleNode a, TupleNode b)
        => a.Items.Count != 2
            || ((a.Open == b.Open || Nodes.IsInfinite(a.Items[0])) && (a.Close == b.Close || Nodes.IsInfinite(a.Items[1])));
}
