using System.Globalization;

namespace SoftThinking.Templating;

/// <summary>All filters by name.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Builtin> All =
        TextFilters.All.Concat(SequenceFilters.All).Concat(NumberFilters.All).ToDictionary(f => f.Name);

    public static Builtin? Find(string name) => All.GetValueOrDefault(name);
}

/// <summary>Filters that make numbers, or choose between values.</summary>
internal static class NumberFilters
{
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
        long or bool when Number.ToDouble(value) >= 0 => Arithmetic.Plus(value),
        long => Arithmetic.Negate(value),
        _ => throw new EvaluationException($"bad operand type for abs(): '{Python.TypeName(value)}'"),
    };

    private static object? ToInteger(Interpreter run, object? value, Arguments arguments)
    {
        if (value is Undefined undefined)
            throw undefined.Error();
        object? otherwise = arguments.Has(0) ? arguments[0] : 0L;
        if (Text.Is(value, out string? text))
        {
            run.Budget.ChargeText(text.Length);
            return ParseInteger(Python.Strip(text), (int)Math.Clamp(arguments.Integer(1, 10), 0, 100)) ?? otherwise;
        }
        return value switch
        {
            bool flag => flag ? 1L : 0L,
            long or System.Numerics.BigInteger => value,
            double number when double.IsFinite(number) => Truncate(number),
            _ => otherwise,
        };
    }

    private static long Truncate(double number) => Math.Abs(number) < 9.2e18
        ? (long)number
        : throw new EvaluationException("the integer exceeds 64 bits");

    private static object? ParseInteger(string text, int radix)
    {
        if (radix is < 2 or > 36)
            throw new EvaluationException($"the base {radix} of int is not supported");
        string digits = text.TrimStart('+', '-').Replace("_", "").ToLowerInvariant();
        string prefix = radix switch { 16 => "0x", 8 => "0o", 2 => "0b", _ => "" };
        if (prefix.Length > 0 && digits.StartsWith(prefix, StringComparison.Ordinal))
            digits = digits[2..];
        if (text.Length - text.TrimStart('+', '-').Length > 1)
            return null;
        Int128 result = 0;
        foreach (char c in digits)
        {
            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? c - 'a' + 10 : radix;
            if (digit >= radix)
                return ParseFloat(text) is double number && double.IsFinite(number) ? Truncate(number) : null;
            result = result * radix + digit;
            if (result > long.MaxValue)
                throw new EvaluationException("the integer exceeds 64 bits");
        }
        return digits.Length == 0 ? null : (long)(text[0] == '-' ? -result : result);
    }

    private static object? ToFloat(Interpreter run, object? value, Arguments arguments)
    {
        if (value is Undefined undefined)
            throw undefined.Error();
        if (Python.IsNumber(value))
            return Number.ToDouble(value!);
        run.Budget.ChargeKey(value);
        return (Text.Is(value, out string? text) ? ParseFloat(Python.Strip(text)) : null)
            ?? (arguments.Has(0) ? arguments[0] : 0.0);
    }

    private static double? ParseFloat(string text)
    {
        string word = text.TrimStart('+', '-').ToLowerInvariant();
        double sign = text.StartsWith('-') ? -1 : 1;
        if (word is "inf" or "infinity")
            return sign * double.PositiveInfinity;
        if (word == "nan")
            return double.NaN;
        const NumberStyles Styles = NumberStyles.AllowLeadingSign
            | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return word.Length > 0 && (char.IsAsciiDigit(word[0]) || word[0] == '.')
            && double.TryParse(text, Styles, CultureInfo.InvariantCulture, out double number)
            ? number
            : null;
    }

    private static object? Round(Interpreter run, object? value, Arguments arguments)
    {
        int places = (int)Math.Clamp(arguments.Integer(0, 0), -400, 400);
        string method = arguments.Text(1, "common");
        if (value is Undefined undefined)
            throw undefined.Error();
        if (!Python.IsNumber(value))
            throw new EvaluationException($"type {Python.TypeName(value)} doesn't define __round__ method");
        double number = Number.ToDouble(value!);
        double scale = Math.Pow(10, places);
        switch (method)
        {
            case "ceil":
                return Math.Ceiling(number * scale) / scale;
            case "floor":
                return Math.Floor(number * scale) / scale;
            case "common" when value is not double && places >= 0:
                return Arithmetic.Plus(value);
            case "common" when places > 300 || !double.IsFinite(number):
                return number;
            case "common" when places >= 0:
                double rounded = double.Parse(
                    NumberFormat.RoundedText(Math.Abs(number), places), CultureInfo.InvariantCulture);
                return Math.CopySign(rounded, number);
            case "common":
                double tens = Math.Round(number * scale, MidpointRounding.ToEven) / scale;
                return value is double ? (object)tens : Truncate(tens);
            default:
                throw new EvaluationException("method must be common, ceil or floor");
        }
    }
}
