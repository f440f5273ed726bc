using Fractions;

namespace SoftThinking.Evaluation.Judging.Algebra;

/// <summary>An answer as it was read: an expression, or something that holds expressions.</summary>
internal abstract record Node;

/// <summary>A rational number. Written as a decimal, it may stand for a number that it only approximates.</summary>
internal sealed record NumberNode(Fraction Value, bool IsDecimal = false) : Node
{
    public static readonly NumberNode Zero = new(Fraction.Zero);
    public static readonly NumberNode One = new(Fraction.One);
    public static readonly NumberNode MinusOne = new(Fraction.MinusOne);
    public static readonly NumberNode Half = new(new Fraction(1, 2));
}

/// <summary>A variable or a constant: "x", "a_37", and <see cref="Constants"/>.</summary>
internal sealed record SymbolNode(string Name) : Node;

/// <summary>A sum.</summary>
internal sealed record SumNode(IReadOnlyList<Node> Terms) : Node;

/// <summary>A product; a quotient is a product with a power of -1.</summary>
internal sealed record ProductNode(IReadOnlyList<Node> Factors) : Node;

/// <summary>A power.</summary>
internal sealed record PowerNode(Node Base, Node Exponent) : Node;

/// <summary>A function of <see cref="Functions"/> with its arguments, or an unknown one, whose name begins with "call ".</summary>
internal sealed record FunctionNode(string Name, IReadOnlyList<Node> Arguments) : Node;

/// <summary>Several answers without brackets, separated by commas, semicolons, "and" or, if they are alternatives, "or".</summary>
internal sealed record ListNode(IReadOnlyList<Node> Items, bool IsAlternative = false) : Node;

/// <summary>A set in braces.</summary>
internal sealed record SetNode(IReadOnlyList<Node> Items) : Node;

/// <summary>Two or more items in brackets: a point, a vector or an interval.</summary>
internal sealed record TupleNode(char Open, char Close, IReadOnlyList<Node> Items) : Node;

/// <summary>A union of intervals or sets.</summary>
internal sealed record UnionNode(IReadOnlyList<Node> Parts) : Node;

/// <summary>A matrix, row by row.</summary>
internal sealed record MatrixNode(IReadOnlyList<IReadOnlyList<Node>> Rows) : Node;

/// <summary>Sides with relations between them; there is one relation fewer than sides.</summary>
internal sealed record RelationNode(IReadOnlyList<Node> Sides, IReadOnlyList<char> Relations) : Node;

/// <summary>A ratio such as 1:2:3.</summary>
internal sealed record RatioNode(IReadOnlyList<Node> Terms) : Node;

/// <summary>A value with a unit, in the writer's spelling.</summary>
internal sealed record QuantityNode(Node Value, string Unit) : Node;

/// <summary>Digits with the base that they are written in.</summary>
internal sealed record BaseNode(string Digits, string Base) : Node;

/// <summary>Words.</summary>
internal sealed record TextNode(string Text) : Node;

/// <summary>Names of symbols that are not variables.</summary>
internal static class Constants
{
    public const string Pi = "π";
    public const string E = "e";
    public const string I = "i";
    public const string Infinity = "∞";
    public const string Reals = "ℝ";

    /// <summary>The sign that ± stands for: 1 or -1, the same everywhere in an answer.</summary>
    public const string Sign = "±";

    /// <summary>Whether a symbol has a fixed value.</summary>
    public static bool Has(string name) => name is Pi or E or I or Infinity or Reals;
}

/// <summary>Names of functions that are not words of LaTeX.</summary>
internal static class Functions
{
    public const string Root = "root";
    public const string Absolute = "abs";
    public const string Factorial = "factorial";
    public const string Degrees = "degrees";
    public const string Percent = "percent";
    public const string Floor = "floor";
    public const string Ceiling = "ceiling";
    public const string Call = "call ";
}
