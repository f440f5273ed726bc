using System.Globalization;
using System.Numerics;

namespace SoftThinking.Templating;

/// <summary>Sign, width, precision and kind of a formatted value, as in <c>%-8.2f</c> and <c>{:&gt;8.2f}</c>.</summary>
internal record struct NumberFormat(char Kind, int Width, int? Precision)
{
    // What a format may ask for; beyond it lies only mischief.
    private const int MaxWidth = 10_000;
    private const int MaxPrecision = 100;

    public char Fill { get; init; } = ' ';

    /// <summary>'&lt;', '&gt;', '^', '=' (between sign and digits), or 0 for the habit of the kind.</summary>
    public char Align { get; init; }

    /// <summary>'+', ' ' or 0.</summary>
    public char Sign { get; init; }

    public bool Thousands { get; init; }

    /// <summary>Formats a number; the kind is one of d i u f F e E x X o b % or 0.</summary>
    public readonly string Apply(object? value)
    {
        Check();
        if (!Python.IsNumber(value))
            throw new EvaluationException($"the format '{Kind}' needs a number, not {Python.TypeName(value)}");
        bool isNegative = Number.ToDouble(value!) < 0;
        string digits = Digits(value!, isNegative);
        string sign = isNegative ? "-" : Sign == '\0' ? "" : Sign.ToString();
        int padding = Width - sign.Length - digits.Length;
        return Align is '=' && padding > 0 ? sign + new string(Fill, padding) + digits : Pad(sign + digits, '>');
    }

    public readonly string ApplyToText(string text)
    {
        Check();
        if (Precision is int most && Python.CodePointCount(text) > most)
            text = text[..Python.UnitOf(text, most)];
        return Pad(text, '<');
    }

    private readonly string Pad(string text, char habit)
    {
        int padding = Math.Max(0, Width - Python.CodePointCount(text));
        int left = (Align == '\0' ? habit : Align) switch { '<' => 0, '^' => padding / 2, _ => padding };
        return new string(Fill, left) + text + new string(Fill, padding - left);
    }

    private readonly void Check()
    {
        if (Width > MaxWidth || Precision > MaxPrecision)
            throw new EvaluationException($"a format wider than {MaxWidth} or more precise than {MaxPrecision}");
    }

    private readonly string Digits(object value, bool isNegative)
    {
        if (Kind is 'f' or 'F' or 'e' or 'E' or '%')
            return FloatDigits(Math.Abs(Number.ToDouble(value)));
        if (Kind == '\0' && value is double number)
            return Precision == null
                ? PythonText.Float(Math.Abs(number))
                : throw new EvaluationException("a precision without 'f', 'e' or '%' is not supported");
        BigInteger integer = value switch
        {
            double d when double.IsFinite(d) => new BigInteger(d),
            double => throw new EvaluationException("cannot convert float infinity or NaN to integer"),
            BigInteger big => big,
            bool flag => flag ? 1 : 0,
            _ => (long)value,
        };
        integer = isNegative ? -integer : integer;
        return Kind switch
        {
            'x' or 'X' => TrimZeros(integer.ToString(Kind.ToString(), CultureInfo.InvariantCulture)),
            'b' => TrimZeros(integer.ToString("B", CultureInfo.InvariantCulture)),
            'o' => Octal(integer),
            '\0' or 'd' or 'i' or 'u' => integer.ToString(Thousands ? "N0" : "D", CultureInfo.InvariantCulture),
            _ => throw new EvaluationException($"the format '{Kind}' is not supported"),
        };
    }

    private static string TrimZeros(string digits) => digits.TrimStart('0') is { Length: > 0 } rest ? rest : "0";

    private static string Octal(BigInteger integer)
    {
        string digits = integer.IsZero ? "0" : "";
        for (; !integer.IsZero; integer /= 8)
            digits = (integer % 8).ToString(CultureInfo.InvariantCulture) + digits;
        return digits;
    }

    private readonly string FloatDigits(double number)
    {
        if (!double.IsFinite(number))
            return PythonText.Float(number);
        int places = Precision ?? 6;
        switch (Kind)
        {
            case 'e' or 'E':
                return number.ToString($"0.{new string('0', places)}{Kind}+00", CultureInfo.InvariantCulture);
            case '%':
                return RoundedText(number * 100, places) + "%";
        }
        string digits = RoundedText(number, places);
        if (!Thousands)
            return digits;
        int point = digits.IndexOf('.') is int at and >= 0 ? at : digits.Length;
        return BigInteger.Parse(digits.AsSpan(0, point), CultureInfo.InvariantCulture)
            .ToString("N0", CultureInfo.InvariantCulture) + digits[point..];
    }

    /// <summary>A number that is not negative with so many decimal places; an exact tie goes to the even
    /// digit.</summary>
    public static string RoundedText(double number, int places)
    {
        string rounded = number.ToString("F" + places, CultureInfo.InvariantCulture);
        string more = number.ToString("F" + (places + 40), CultureInfo.InvariantCulture);
        string rest = more[^40..];
        if (rest[0] != '5' || rest.AsSpan(1).ContainsAnyExcept('0'))
            return rounded;
        string cut = more[..^40].TrimEnd('.');
        return (cut[^1] - '0') % 2 == 0 ? cut : rounded;
    }
}
