using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>
/// x = 5 is 5, a chain of equations stands for its last side, and two equations are equal if one is a multiple of the other.
/// A bare side of an equation that is more than a name with a value is not the equation.
/// </summary>
internal static class EquationRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        (RelationNode? x, RelationNode? y) = (AsEquation(a), AsEquation(b));
        if (x is null && y is null)
            return null;
        if (x is not null && y is not null)
            return Equations(comparison, x, y);
        Node? value = Value((x ?? y)!);
        return value is not null && comparison.Equal(x is null ? a : value, x is null ? value : b);
    }

    private static RelationNode? AsEquation(Node node)
        => node is RelationNode relation && relation.Relations.All(sign => sign == '=') ? relation : null;

    /// <summary>The value that an equation states: opposite a name, or at the end of a computation.</summary>
    private static Node? Value(RelationNode equation)
        => Labels.Of(equation)?.Value ?? (equation.Sides.All(Nodes.IsClosed) ? equation.Sides[^1] : null);

    private static bool Equations(Comparison comparison, RelationNode a, RelationNode b)
    {
        if (Labels.Of(a) is { } x && Labels.Of(b) is { } y && Labels.Agree(x.Label, y.Label)
            && comparison.Equal(Rename(x, y.Label), y.Value))
            return true;
        if (a.Sides.Count == 2 && b.Sides.Count == 2 && a.Sides.Concat(b.Sides).All(Nodes.IsExpression))
        {
            return Proportion.Holds(
                comparison.Equality, Nodes.Difference(a.Sides[0], a.Sides[1]), Nodes.Difference(b.Sides[0], b.Sides[1]), positive: false);
        }
        return comparison.EqualInOrder(a.Sides, b.Sides);
    }

    /// <summary>f(n) = 2n is f(x) = 2x.</summary>
    private static Node Rename(Labeled labeled, Node other)
    {
        if (labeled.Label is FunctionNode { Arguments: [SymbolNode from] } && other is FunctionNode { Arguments: [SymbolNode to] })
            return Nodes.Substitute(labeled.Value, new Dictionary<string, Node> { [from.Name] = to });
        return labeled.Value;
    }
}
