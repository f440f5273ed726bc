using Fractions;
using SoftThinking.Evaluation.Judging.Algebra;
using SoftThinking.Evaluation.Judging.Reading;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>
/// Units, currencies, degrees and percent: dropped where one side lacks them; two that are known and differ make the
/// answers differ, for nothing is converted. A percentage may be meant as it stands or as its hundredth.
/// </summary>
internal static class UnitRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        ((Node Value, string? Unit) x, (Node Value, string? Unit) y) = (Strip(a), Strip(b));
        if (x.Unit is null && y.Unit is null)
            return Letter(comparison, a, b) ?? Letter(comparison, b, a);
        x = x.Unit is null ? StripLetter(a) : x;
        y = y.Unit is null ? StripLetter(b) : y;
        if (Units.Canonical(x.Unit ?? "") is { } p && Units.Canonical(y.Unit ?? "") is { } q && p != q)
            return false;
        bool isPercent = (x.Unit, y.Unit) is (Units.Percent, null) or (null, Units.Percent);
        if (!(isPercent && IsProportion(x.Unit is null ? x.Value : y.Value)) && comparison.Equal(x.Value, y.Value))
            return true;
        return (x.Unit, y.Unit) switch
        {
            (Units.Percent, null) => comparison.Equal(Hundredth(x.Value), y.Value),
            (null, Units.Percent) => comparison.Equal(x.Value, Hundredth(y.Value)),
            _ => false,
        };
    }

    /// <summary>Whether a value is a fraction below one: it cannot be a percentage without its sign.</summary>
    private static bool IsProportion(Node value)
        => value is NumberNode { IsDecimal: false, Value: var number } && number.Abs() < Fraction.One && !number.IsZero;

    private static Node Hundredth(Node value) => Nodes.Product(value, new NumberNode(new Fraction(1, 100)));

    private static (Node Value, string? Unit) Strip(Node node)
    {
        switch (node)
        {
            case QuantityNode quantity:
                (Node Value, string? Unit) inner = Strip(quantity.Value);
                return (inner.Value, inner.Unit ?? quantity.Unit);
            case FunctionNode { Name: Functions.Percent } percent:
                return (percent.Arguments[0], Units.Percent);
            case FunctionNode { Name: Functions.Degrees } degrees:
                return (degrees.Arguments[0], Units.Degree);
            case ProductNode product when Strip(product.Factors[^1]) is { Unit: not null } last:
                return (new ProductNode([.. product.Factors.SkipLast(1), last.Value]), last.Unit);
            default:
                return (node, null);
        }
    }

    /// <summary>A letter such as m is a unit where the other side is a plain number.</summary>
    private static bool? Letter(Comparison comparison, Node a, Node b)
        => Nodes.IsClosed(b) && StripLetter(a) is { Unit: not null } quantity ? comparison.Equal(quantity.Value, b) : null;

    private static (Node Value, string? Unit) StripLetter(Node node)
    {
        if (node is not ProductNode product || LetterUnit(product.Factors[^1]) is not { } unit)
            return (node, null);
        ProductNode value = new([.. product.Factors.SkipLast(1)]);
        return Nodes.IsClosed(value) ? (value, unit) : (node, null);
    }

    private static string? LetterUnit(Node node) => node switch
    {
        SymbolNode symbol when Units.IsLetter(symbol.Name) => symbol.Name,
        PowerNode { Exponent: NumberNode { Value: var power } } cube when power == 2 || power == 3
            => LetterUnit(cube.Base) is { } letter ? letter + "^" + (power == 2 ? "2" : "3") : null,
        ProductNode { Factors: [var top, PowerNode { Exponent: NumberNode { Value: var power } } bottom] } when power == -1
            => LetterUnit(top) is { } x && LetterUnit(bottom.Base) is { } y ? x + "/" + y : null,
        _ => null,
    };
}
