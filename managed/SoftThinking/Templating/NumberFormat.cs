using System.Numerics;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>Sign, width, precision and kind of a formatted value, as in <c>%-8.2f</c> and <c>{:&gt;8.2f}</c>.</summary>
internal readonly record struct NumberFormat(char Kind, int Width, int? Precision)
{
    // Wider or more precise output serves no purpose.
    private const int MaxSize = 10_000;

    /// <summary>One character, which may take two UTF-16 units.</summary>
    public string Fill { get; init; } = " ";

    /// <summary>'&lt;', '&gt;', '^', '=' (between sign and digits), or 0 for the default of the type.</summary>
    public char Align { get; init; }

    /// <summary>'+', ' ', '-' or 0; the last two print a minus sign only.</summary>
    public char Sign { get; init; }

    /// <summary>The flag <c>#</c>: a prefix such as 0x, or a point that is always kept.</summary>
    public bool Alternate { get; init; }

    /// <summary>',' or '_' between groups of digits, or 0.</summary>
    public char Group { get; init; }

    /// <summary>The flag <c>z</c>: a number that rounds to zero has no minus sign.</summary>
    public bool NoNegativeZero { get; init; }

    /// <summary>Formats a number as a float; the kind is one of f F e E g G n % or 0.</summary>
    public string ApplyToFloat(double number)
    {
        Check();
        string digits = FloatText.Format(Math.Abs(number), char.ToLowerInvariant(Kind), Precision, Alternate);
        bool isNegative = double.IsNegative(number) && !double.IsNaN(number);
        if (NoNegativeZero && double.IsFinite(number) && !digits.AsSpan().ContainsAnyInRange('1', '9'))
            isNegative = false;
        return Join(isNegative, "", char.IsAsciiLetterUpper(Kind) ? digits.ToUpperInvariant() : digits);
    }

    /// <summary>Formats an integer; the kind is one of d i u n x X o b or 0, and the precision the least number of
    /// digits.</summary>
    public string ApplyToInteger(BigInteger number)
    {
        Check();
        int radix = Kind switch { 'x' or 'X' => 16, 'o' => 8, 'b' => 2, _ => 10 };
        string digits = IntegerText.Digits(BigInteger.Abs(number), radix).PadLeft(Precision ?? 0, '0');
        string prefix = Alternate && radix != 10 ? $"0{Kind}" : "";
        return Join(number.Sign < 0, prefix, Kind == 'X' ? digits.ToUpperInvariant() : digits);
    }

    public string ApplyToText(string text)
    {
        Check();
        if (Precision is int most && Python.CodePointCount(text) > most)
            text = text[..Python.UnitOf(text, most)];
        return Pad(text, '<');
    }

    private string Join(bool isNegative, string prefix, string digits)
    {
        string start = (isNegative ? "-" : Sign is '\0' or '-' ? "" : Sign.ToString()) + prefix;
        int room = Width - start.Length;
        if (Group != '\0')
            digits = Grouped(digits, Align == '=' && Fill == "0" ? room : 0);
        return Align == '=' ? start + Repeat(room - digits.Length) + digits : Pad(start + digits, '>');
    }

    /// <summary>Separates the groups of the digits before the point, and fills up with zeros that are grouped
    /// too.</summary>
    private string Grouped(string digits, int width)
    {
        int size = Kind is 'x' or 'X' or 'o' or 'b' ? 4 : 3;
        int end = digits.AsSpan().IndexOfAnyExcept("0123456789abcdefABCDEF") is int at and >= 0 ? at : digits.Length;
        if (size == 3 && digits.AsSpan(0, end).IndexOfAnyExceptInRange('0', '9') is int letter and >= 0)
            end = letter;
        if (end == 0)
            return digits;
        string rest = digits[end..];
        int count = end;
        while (count + (count - 1) / size + rest.Length < width)
            count++;
        digits = digits[..end].PadLeft(count, '0');
        StringBuilder result = new();
        for (int i = 0; i < count; i++)
        {
            if (i > 0 && (count - i) % size == 0)
                result.Append(Group);
            result.Append(digits[i]);
        }
        return result.Append(rest).ToString();
    }

    private string Pad(string text, char ofType)
    {
        int padding = Math.Max(0, Width - Python.CodePointCount(text));
        int left = (Align == '\0' ? ofType : Align) switch { '<' => 0, '^' => padding / 2, _ => padding };
        return Repeat(left) + text + Repeat(padding - left);
    }

    private string Repeat(int count) => new StringBuilder().Insert(0, Fill, Math.Max(count, 0)).ToString();

    private void Check()
    {
        if (Width > MaxSize || Precision > MaxSize)
            throw new EvaluationException($"a format is wider or more precise than {MaxSize}");
    }
}
