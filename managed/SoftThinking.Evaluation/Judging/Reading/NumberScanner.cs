using System.Globalization;
using System.Numerics;
using Fractions;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Reads numbers with their thousands separators, decimal parts, periods and exponents.</summary>
internal static class NumberScanner
{
    private const int MaxExponent = 3000;

    private static readonly string[] Separators = [",\\!", "{,}", "\\,", "\\!", "\\ ", "\\;", "\u00a0", "\u202f", "\u2009"];

    /// <summary>Whether a number begins at a position.</summary>
    public static bool StartsAt(string text, int at)
        => at < text.Length && (char.IsAsciiDigit(text[at])
            || (text[at] == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])));

    /// <summary>
    /// Reads the number at a position and moves behind it. The result is in a normal form: digits, perhaps a point with
    /// digits, perhaps "(" period ")", perhaps "E" and an exponent.
    /// </summary>
    public static string Scan(string text, ref int at, CommaReading comma, int depth)
    {
        int start = at;
        string digits = Digits(text, ref at);
        int whole = PlainGroups(text, start, comma, depth);
        if (whole > at)
        {
            digits = text[start..whole].Replace(",", "", StringComparison.Ordinal);
            at = whole;
        }
        else
        {
            digits += MarkedGroups(text, ref at, digits.Length);
        }
        if (DecimalComma(text, start, at, comma, depth) is { } end)
        {
            string number = text[start..end].Replace(".", "", StringComparison.Ordinal).Replace("{,}", ",", StringComparison.Ordinal);
            at = end;
            return number.Replace(',', '.');
        }
        if (at < text.Length && text[at] == '.')
        {
            at++;
            digits += "." + Digits(text, ref at) + Period(text, ref at);
        }
        return digits.TrimEnd('.') + Exponent(text, ref at, digits.Contains('.'));
    }

    /// <summary>The value of a number in normal form.</summary>
    public static Fraction Value(string number)
    {
        int exponent = 0;
        if (number.IndexOf('E') is var e and >= 0)
        {
            exponent = int.Parse(number[(e + 1)..], CultureInfo.InvariantCulture);
            number = number[..e];
        }
        string period = "";
        if (number.IndexOf('(') is var open and >= 0)
        {
            period = number[(open + 1)..^1];
            number = number[..open];
        }
        int point = number.IndexOf('.');
        int places = point < 0 ? 0 : number.Length - point - 1;
        BigInteger scale = BigInteger.Pow(10, places);
        Fraction value = new(Integer(number.Replace(".", "", StringComparison.Ordinal)), scale);
        if (period.Length > 0)
            value += new Fraction(Integer(period), scale * (BigInteger.Pow(10, period.Length) - 1));
        Fraction power = new(BigInteger.Pow(10, Math.Abs(exponent)));
        return exponent < 0 ? value / power : value * power;
    }

    /// <summary>Whether a number in normal form only approximates: it has a decimal part that ends.</summary>
    public static bool IsDecimal(string number) => number.Contains('.') && !number.Contains('(');

    private static BigInteger Integer(string digits)
        => digits.Length == 0 ? BigInteger.Zero : BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    private static string Digits(string text, ref int at)
    {
        int start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
            at++;
        return text[start..at];
    }

    /// <summary>The end of a number such as 1,234,567, or 0 where the commas are something else.</summary>
    private static int PlainGroups(string text, int start, CommaReading comma, int depth)
    {
        if (comma == CommaReading.Separator && depth > 0)
            return 0;
        // 2,3,101,103 is a list: the whole run must consist of groups.
        if (start > 0 && text[start - 1] == ',')
            return 0;
        int end = start;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == ','))
            end++;
        string run = text[start..end].TrimEnd(',');
        string[] groups = run.Split(',');
        // (1,100) is a point or an interval: nobody writes brackets around one number.
        bool isAlone = start > 0 && text[start - 1] is ('(' or '[') && end < text.Length && text[end] is (')' or ']');
        bool fits = !isAlone && groups.Length > 1 && groups[0].Length is >= 1 and <= 3 && groups[0][0] != '0'
            && groups.Skip(1).All(group => group.Length == 3);
        return fits ? start + run.Length : 0;
    }

    /// <summary>Groups behind separators that cannot be anything else, such as 1\,000 or 1{,}000.</summary>
    private static string MarkedGroups(string text, ref int at, int length)
    {
        string digits = "";
        while (length is >= 1 and <= 3 && GroupAt(text, at) is { } group)
        {
            digits += text[(group - 3)..group];
            at = group;
        }
        return digits;
    }

    private static int? GroupAt(string text, int at)
    {
        foreach (string separator in Separators)
        {
            if (string.CompareOrdinal(text, at, separator, 0, separator.Length) != 0)
                continue;
            int group = at + separator.Length;
            while (group < text.Length && text[group] == ' ')
                group++;
            return HasGroup(text, group) ? group + 3 : null;
        }
        return at < text.Length && text[at] == ' ' && HasGroup(text, at + 1) ? at + 4 : null;
    }

    private static bool HasGroup(string text, int at)
        => at + 3 <= text.Length && char.IsAsciiDigit(text[at]) && char.IsAsciiDigit(text[at + 1]) && char.IsAsciiDigit(text[at + 2])
            && (at + 3 == text.Length || !char.IsAsciiDigit(text[at + 3]));

    /// <summary>The end of a number with a decimal comma.</summary>
    private static int? DecimalComma(string text, int start, int at, CommaReading comma, int depth)
    {
        bool braced = string.CompareOrdinal(text, at, "{,}", 0, 3) == 0;
        if (!braced && (comma != CommaReading.Decimal || depth > 0))
            return null;
        // 1.000,99 has a decimal comma, too.
        int from = at;
        while (!braced && from < text.Length && text[from] == '.' && HasGroup(text, from + 1))
            from += 4;
        if (!braced && (from >= text.Length || text[from] != ','))
            return null;
        int end = from + (braced ? 3 : 1);
        int places = end;
        Digits(text, ref end);
        if (end == places || (start > 0 && text[start - 1] == ',') || (end < text.Length && text[end] == ','))
            return null;
        // A single place is more often the second item of a list.
        return braced || from > at || text[start] == '0' || end - places is 2 or > 3 ? end : null;
    }

    private static string Period(string text, ref int at)
    {
        foreach (string? opening in new[] { "\\overline{", "\\bar{", "\\dot{" })
        {
            if (string.CompareOrdinal(text, at, opening, 0, opening.Length) != 0)
                continue;
            int end = at + opening.Length;
            string period = Digits(text, ref end);
            if (period.Length == 0 || end >= text.Length || text[end] != '}')
                return "";
            at = end + 1;
            return "(" + period + ")";
        }
        return "";
    }

    /// <summary>An exponent as in 6.72e-5 or 1E5; "2e-1" without a point is 2e - 1.</summary>
    private static string Exponent(string text, ref int at, bool hasPoint)
    {
        if (at >= text.Length || text[at] is not ('e' or 'E'))
            return "";
        int end = at + 1;
        string sign = end < text.Length && text[end] is ('-' or '+') ? text[end++].ToString() : "";
        string digits = Digits(text, ref end);
        if (digits.Length == 0 || digits.Length > 4 || (text[at] == 'e' && sign.Length > 0 && !hasPoint && digits.Length < 2))
            return "";
        int exponent = int.Parse(digits, CultureInfo.InvariantCulture);
        if (exponent > MaxExponent)
            return "";
        at = end;
        return "E" + (sign == "-" ? "-" : "") + exponent.ToString(CultureInfo.InvariantCulture);
    }
}
