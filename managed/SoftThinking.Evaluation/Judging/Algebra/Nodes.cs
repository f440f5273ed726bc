using System.Globalization;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>Building, walking and rewriting of trees.</summary>
internal static class Nodes
{
    public static Node Number(long value) => new NumberNode(new Fraction(value));

    public static Node Negate(Node node)
        => node is NumberNode number ? number with { Value = -number.Value } : Product(NumberNode.MinusOne, node);

    /// <summary>Bits up to which a quotient is computed at once; evaluation counts the work of a larger one.</summary>
    private const long MaxQuotientBits = 4096;

    public static Node Product(Node a, Node b) => new ProductNode([a, b]);

    public static Node Quotient(Node a, Node b)
        => (a, b) is (NumberNode { IsDecimal: false } x, NumberNode { IsDecimal: false } y) && !y.Value.IsZero
            && Exact.Bits(x.Value) + Exact.Bits(y.Value) <= MaxQuotientBits
            ? new NumberNode(x.Value / y.Value)
            : Product(a, new PowerNode(b, NumberNode.MinusOne));

    public static Node Difference(Node a, Node b) => new SumNode([a, Negate(b)]);

    public static Node Function(string name, Node argument) => new FunctionNode(name, [argument]);

    /// <summary>The nodes directly below.</summary>
    public static IEnumerable<Node> Children(Node node) => node switch
    {
        SumNode sum => sum.Terms,
        ProductNode product => product.Factors,
        PowerNode power => [power.Base, power.Exponent],
        FunctionNode function => function.Arguments,
        ListNode list => list.Items,
        SetNode set => set.Items,
        TupleNode tuple => tuple.Items,
        UnionNode union => union.Parts,
        MatrixNode matrix => matrix.Rows.SelectMany(row => row),
        RelationNode relation => relation.Sides,
        RatioNode ratio => ratio.Terms,
        QuantityNode quantity => [quantity.Value],
        _ => [],
    };

    /// <summary>The node and all below it, in no particular order.</summary>
    public static IEnumerable<Node> All(Node node)
    {
        // Recursion would nest an enumerator for each level, and a deep tree would cost the square of its depth.
        Stack<Node> rest = new([node]);
        while (rest.TryPop(out Node? next))
        {
            yield return next;
            foreach (Node child in Children(next))
                rest.Push(child);
        }
    }

    /// <summary>Names of the variables in a node, sorted.</summary>
    public static SortedSet<string> Variables(Node node) => new(
        All(node).OfType<SymbolNode>().Select(symbol => symbol.Name).Where(name => !Constants.Has(name)),
        StringComparer.Ordinal);

    /// <summary>Whether a node is arithmetic only: no list, interval, relation or text anywhere in it.</summary>
    public static bool IsExpression(Node node) => All(node).All(part =>
        part is NumberNode or SymbolNode or SumNode or ProductNode or PowerNode or FunctionNode);

    public static bool IsClosed(Node node) => IsExpression(node) && Variables(node).Count == 0;

    public static bool IsSymbol(Node node, string name) => node is SymbolNode symbol && symbol.Name == name;

    public static bool IsInfinite(Node node) => All(node).Any(part => IsSymbol(part, Constants.Infinity));

    /// <summary>The tree with each variable of a point replaced.</summary>
    public static Node Substitute(Node node, IReadOnlyDictionary<string, Node> point) => node switch
    {
        SymbolNode symbol => point.GetValueOrDefault(symbol.Name, symbol),
        SumNode sum => new SumNode(Each(sum.Terms, point)),
        ProductNode product => new ProductNode(Each(product.Factors, point)),
        PowerNode power => new PowerNode(Substitute(power.Base, point), Substitute(power.Exponent, point)),
        FunctionNode function => function with { Arguments = Each(function.Arguments, point) },
        ListNode list => list with { Items = Each(list.Items, point) },
        SetNode set => new SetNode(Each(set.Items, point)),
        TupleNode tuple => tuple with { Items = Each(tuple.Items, point) },
        UnionNode union => new UnionNode(Each(union.Parts, point)),
        MatrixNode matrix => new MatrixNode([.. matrix.Rows.Select(row => Each(row, point))]),
        RelationNode relation => relation with { Sides = Each(relation.Sides, point) },
        RatioNode ratio => new RatioNode(Each(ratio.Terms, point)),
        QuantityNode quantity => quantity with { Value = Substitute(quantity.Value, point) },
        _ => node,
    };

    /// <summary>A spelling of a tree that equal trees share, whatever the order of terms and factors.</summary>
    public static string Spell(Node node) => node switch
    {
        NumberNode number => number.Value.Numerator.ToString(CultureInfo.InvariantCulture) + "/"
            + number.Value.Denominator.ToString(CultureInfo.InvariantCulture),
        SymbolNode symbol => symbol.Name,
        TextNode text => text.Text,
        SumNode sum => "(+ " + string.Join(' ', sum.Terms.Select(Spell).Order(StringComparer.Ordinal)) + ")",
        ProductNode product => "(* " + string.Join(' ', product.Factors.Select(Spell).Order(StringComparer.Ordinal)) + ")",
        FunctionNode function => "(" + function.Name + " " + string.Join(' ', function.Arguments.Select(Spell)) + ")",
        PowerNode power => "(^ " + Spell(power.Base) + " " + Spell(power.Exponent) + ")",
        _ => "(" + node.GetType().Name + " " + string.Join(' ', Children(node).Select(Spell)) + ")",
    };

    private static Node[] Each(IReadOnlyList<Node> nodes, IReadOnlyDictionary<string, Node> point)
        => [.. nodes.Select(node => Substitute(node, point))];
}
