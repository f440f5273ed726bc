using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>A name with its value: x = 5, AB = 4, W(n) = 1.</summary>
internal sealed record Labeled(Node Label, Node Value);

/// <summary>Which sides of an equation only name the other side.</summary>
internal static class Labels
{
    /// <summary>
    /// Whether an expression is a name: a symbol, a function of one, a distance such as AB, a quotient of such. An equation
    /// with anything else on the left, such as 2x + z = 1, says something about its variables and is no name with a value.
    /// </summary>
    public static bool IsLabel(Node node) => node switch
    {
        SymbolNode symbol => symbol.Name is not (Constants.Pi or Constants.Infinity or Constants.Sign),
        TextNode => true,
        FunctionNode { Name: Functions.Absolute } function => IsPointNames(function.Arguments[0]),
        FunctionNode { Name: Functions.Degrees or Functions.Percent or Functions.Factorial } => false,
        FunctionNode function when function.Name.StartsWith(Functions.Call, StringComparison.Ordinal) => true,
        FunctionNode function => function.Arguments.All(argument => IsLabel(argument) || IsPointNames(argument)),
        TupleNode tuple => tuple.Items.All(IsLabel),
        RatioNode ratio => ratio.Terms.All(term => IsLabel(term) || IsPointNames(term)),
        ProductNode { Factors: [SymbolNode { Name: var name }, ..] } when name.StartsWith("lim", StringComparison.Ordinal) => true,
        ProductNode => IsPointNames(node) || IsDerivative(node),
        _ => false,
    };

    /// <summary>The name and value of an equation, or null where it has none.</summary>
    public static Labeled? Of(Node node)
    {
        if (node is not RelationNode relation || relation.Relations.Any(sign => sign != '='))
            return null;
        if (IsLabel(relation.Sides[0]))
            return new Labeled(relation.Sides[0], relation.Sides[^1]);
        bool isReversed = relation.Sides.Count == 2 && relation.Sides[1] is SymbolNode && Nodes.IsClosed(relation.Sides[0]);
        return isReversed && IsLabel(relation.Sides[1]) ? new Labeled(relation.Sides[1], relation.Sides[0]) : null;
    }

    /// <summary>Whether two names can mean the same: single letters must agree, longer names are worded freely.</summary>
    public static bool Agree(Node a, Node b)
        => !IsLetter(a) || !IsLetter(b) || string.Equals(Nodes.Spell(a), Nodes.Spell(b), StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether an expression is dy/dx in some letters.</summary>
    private static bool IsDerivative(Node node)
        => node is ProductNode { Factors: [ProductNode { Factors: [var d, SymbolNode] }, PowerNode { Base: ProductNode below }] }
            && below.Factors is [var e, SymbolNode]
            && Nodes.IsSymbol(d, "d") && Nodes.IsSymbol(e, "d");

    private static bool IsLetter(Node node) => node is SymbolNode { Name.Length: 1 };

    /// <summary>Whether an expression consists of capital letters only, as distances and areas do.</summary>
    private static bool IsPointNames(Node node) => node switch
    {
        SymbolNode symbol => char.IsUpper(symbol.Name[0]),
        ProductNode product => product.Factors.All(IsPointNames),
        PowerNode { Exponent: NumberNode { Value: var value } } power => value == -1 && IsPointNames(power.Base),
        _ => false,
    };
}
