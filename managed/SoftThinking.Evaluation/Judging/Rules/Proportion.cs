using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Whether one expression is a constant multiple of another.</summary>
internal static class Proportion
{
    private const int Tries = 8;

    /// <summary>Whether f = c g with a constant c, not zero, and positive if that is asked for.</summary>
    public static bool Holds(Equality equality, Node f, Node g, bool positive)
    {
        SortedSet<string> variables = Nodes.Variables(f);
        variables.UnionWith(Nodes.Variables(g));
        for (int i = 0; i < Tries; i++)
        {
            Dictionary<string, Node> point = Points.At(i, variables, integers: false)
                .ToDictionary(entry => entry.Key, entry => (Node)new NumberNode(entry.Value));
            (Node x, Node y) = (Nodes.Substitute(f, point), Nodes.Substitute(g, point));
            if (equality.Approximate(x) is null || equality.Approximate(y) is null || equality.IsZero(x) || equality.IsZero(y))
                continue;
            if (positive && equality.Sign(x) * equality.Sign(y) is not > 0)
                return false;
            return equality.Equal(Nodes.Product(f, y), Nodes.Product(g, x));
        }
        return false;
    }
}
