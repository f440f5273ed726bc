using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace SoftThinking.Templating;

/// <summary>All filters by name.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Builtin> All =
        TextFilters.All.Concat(SequenceFilters.All).Concat(NumberFilters.All).ToDictionary(f => f.Name);

    public static Builtin? Find(string name) => All.GetValueOrDefault(name);
}

/// <summary>Filters that make numbers, or choose between values.</summary>
internal static partial class NumberFilters
{
    // Powers of ten within the range of doubles.
    private const int MaxPlaces = 308;

    public static IEnumerable<Builtin> All { get; } =
    [
        new("abs", [], 0, (_, v, _) => Abs(v)),
        new("int", ["default", "base"], 0, ToInteger),
        new("float", ["default"], 0, ToFloat),
        new("round", ["precision", "method"], 0, Round),
        new("default", ["default_value", "boolean"], 0, Default),
        new("d", ["default_value", "boolean"], 0, Default),
        new("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"], 0, JsonText.Write),
        new("attr", ["name"], 1, (_, v, a) => Lookup.TryAttribute(v, a.Text(0), out object? found)
            ? found
            : new Undefined($"'{Python.TypeName(v)} object' has no attribute '{a.Text(0)}'")),
    ];

    private static object? Default(Interpreter run, object? value, Arguments arguments)
    {
        bool replaces = value is Undefined || (arguments.Flag(1, false) && !Python.IsTrue(value));
        return !replaces ? value : arguments.Has(0) ? arguments[0] : "";
    }

    private static object Abs(object? value) => value switch
    {
        double number => Math.Abs(number),
        Undefined undefined => throw undefined.Error(),
        _ when Python.IsNumber(value) => Number.FromInteger(BigInteger.Abs(Number.ToInteger(value!))),
        _ => throw new EvaluationException($"bad operand type for abs(): '{Python.TypeName(value)}'"),
    };

    private static object? ToInteger(Interpreter run, object? value, Arguments arguments)
    {
        if (value is Undefined undefined)
            throw undefined.Error();
        object? otherwise = arguments.Has(0) ? arguments[0] : 0L;
        if (value is double number)
            return double.IsNaN(number) ? otherwise : Number.FromInteger(Number.Truncate(number));
        if (Python.IsNumber(value))
            return Number.FromInteger(Number.ToInteger(value!));
        if (!Text.Is(value, out string? text))
            return otherwise;
        run.Budget.ChargeText(text.Length);
        long radix = arguments.Integer(1, 10);
        if (radix is >= 0 and not 1 and <= 36 && IntegerText.Parse(text, (int)radix) is object integer)
            return integer;

        // As in Jinja: "42.9" counts as 42.
        return ParseFloat(text) is double parsed && double.IsFinite(parsed)
            ? Number.FromInteger(Number.Truncate(parsed))
            : otherwise;
    }

    private static object? ToFloat(Interpreter run, object? value, Arguments arguments)
    {
        if (value is Undefined undefined)
            throw undefined.Error();
        if (Python.IsNumber(value))
            return Number.ToFiniteDouble(value!);
        run.Budget.ChargeKey(value);
        return (Text.Is(value, out string? text) ? ParseFloat(text) : null)
            ?? (arguments.Has(0) ? arguments[0] : 0.0);
    }

    /// <summary>float(text); null where the text is no float.</summary>
    private static double? ParseFloat(string text)
    {
        text = IntegerText.ToAscii(text);
        bool isNegative = text.StartsWith('-');
        string magnitude = isNegative || text.StartsWith('+') ? text[1..] : text;
        double? number = magnitude.ToLowerInvariant() switch
        {
            "inf" or "infinity" => double.PositiveInfinity,
            "nan" => double.NaN,
            _ when Decimal().IsMatch(magnitude) => double.Parse(
                magnitude.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture),
            _ => null,
        };
        return isNegative ? -number : number;
    }

    // Digits may have single underscores between them.
    [GeneratedRegex(@"\A(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)"
        + @"(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?\z")]
    private static partial Regex Decimal();

    private static object? Round(Interpreter run, object? value, Arguments arguments)
    {
        long places = arguments.Integer(0, 0);
        string method = arguments.Text(1, "common");
        if (method is not ("common" or "ceil" or "floor"))
            throw new EvaluationException("method must be common, ceil or floor");
        if (value is Undefined undefined)
            throw undefined.Error();
        if (!Python.IsNumber(value))
            throw new EvaluationException($"type {Python.TypeName(value)} doesn't define __round__ method");
        if (method == "common")
            return value is double number ? FloatText.Round(number, places) : RoundInteger(value!, places);

        return RoundTo(value!, places, method == "ceil" ? Math.Ceiling : Math.Floor);
    }

    /// <summary>As in Jinja: scaled, rounded to an integer, and divided again.</summary>
    private static double RoundTo(object value, long places, Func<double, double> toInteger)
    {
        if (Math.Abs(places) > MaxPlaces)
            throw new EvaluationException($"round of more than {MaxPlaces} places");
        if (places < 0)
        {
            double scale = Math.Pow(10, places);
            return (double)Number.Truncate(toInteger(Number.ToFiniteDouble(value) * scale)) / scale;
        }
        if (value is not double number)
            return Number.ToFiniteDouble(value);
        BigInteger factor = BigInteger.Pow(10, (int)places);
        return Number.Divide(Number.Truncate(toInteger(number * Number.ToDouble(factor))), factor);
    }

    private static object RoundInteger(object value, long places)
    {
        BigInteger integer = Number.ToInteger(value);
        if (places >= 0)
            return Number.FromInteger(integer);
        BigInteger unit = BigInteger.Pow(10, (int)Math.Min(-places, 5000));
        BigInteger rounded = IntegerText.DivideToEven(BigInteger.Abs(integer), unit) * unit;
        return Number.FromInteger(integer.Sign < 0 ? -rounded : rounded);
    }
}
