using System.Globalization;
using System.Numerics;

namespace SoftThinking.Templating;

/// <summary>The one place where a float becomes text. Digits come from two exact sources: the shortest digits that
/// read back (repr), and the value of the double itself, rounded half to even (%f, %e, %g, round).</summary>
internal static class FloatText
{
    // The exact value of a double has at most 767 significant digits and 1074 decimal places; all further are zeros.
    private const int MaxSignificant = 767;
    private const int MaxPlaces = 1074;

    /// <summary>repr(): the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Repr(double number)
    {
        string sign = double.IsNegative(number) && !double.IsNaN(number) ? "-" : "";
        if (!double.IsFinite(number))
            return double.IsNaN(number) ? "nan" : sign + "inf";
        (string digits, int exponent) = Shortest(Math.Abs(number));
        return sign + (exponent is < -4 or >= 16
            ? Scientific(digits, exponent, keepsPoint: false)
            : Positional(digits, exponent, bare: ".0"));
    }

    /// <summary>A float without its sign in one of the kinds f, e, g, n, % and 0 (none, as in <c>{:.3}</c>).</summary>
    /// <param name="magnitude">The absolute value.</param>
    /// <param name="kind">In lower case.</param>
    /// <param name="precision">Digits; null for the default of the kind.</param>
    /// <param name="alternate">The flag <c>#</c>: keep the point and trailing zeros.</param>
    public static string Format(double magnitude, char kind, int? precision, bool alternate)
    {
        if (kind == '%')
            return Format(magnitude * 100, 'f', precision, alternate) + "%";
        if (!double.IsFinite(magnitude))
            return Repr(magnitude);
        int digits = precision ?? 6;
        switch (kind)
        {
            case 'f':
                return Fixed(magnitude, digits) + (alternate && digits == 0 ? "." : "");
            case 'e':
                (string all, int exponent) = Significant(magnitude, digits + 1);
                return Scientific(all, exponent, alternate);
            case '\0' when precision == null:
                return Repr(magnitude);
            default:
                return General(magnitude, Math.Max(digits, 1), alternate, endsInZero: kind == '\0');
        }
    }

    /// <summary>round() of Python: the nearest number with so many decimal places, a tie to the even digit.</summary>
    /// <exception cref="EvaluationException">The rounded number exceeds the range of doubles.</exception>
    public static double Round(double number, long places)
    {
        if (!double.IsFinite(number) || places > MaxPlaces)
            return number;
        if (places < -400)
            return Math.CopySign(0, number);
        string text = $"{Scaled(Math.Abs(number), (int)places)}E{-places}";
        double rounded = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(rounded)
            ? Math.CopySign(rounded, number)
            : throw new EvaluationException("rounded value too large to represent");
    }

    private static string General(double magnitude, int count, bool alternate, bool endsInZero)
    {
        (string digits, int exponent) = Significant(magnitude, count);
        if (!alternate)
            digits = digits.TrimEnd('0') is { Length: > 0 } rest ? rest : "0";
        return exponent < -4 || exponent >= count - (endsInZero ? 1 : 0)
            ? Scientific(digits, exponent, alternate)
            : Positional(digits, exponent, bare: endsInZero ? ".0" : alternate ? "." : "");
    }

    private static string Scientific(string digits, int exponent, bool keepsPoint)
    {
        string fraction = digits.Length > 1 || keepsPoint ? "." + digits[1..] : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
    }

    /// <param name="digits">The first one counts 10 to the power of the exponent.</param>
    /// <param name="exponent">Of the first digit.</param>
    /// <param name="bare">What follows a whole number without decimal places.</param>
    private static string Positional(string digits, int exponent, string bare)
    {
        if (exponent < 0)
            return "0." + new string('0', -exponent - 1) + digits;
        digits = digits.PadRight(exponent + 1, '0');
        return digits.Length > exponent + 1 ? digits.Insert(exponent + 1, ".") : digits + bare;
    }

    private static string Fixed(double magnitude, int places)
    {
        int exact = Math.Min(places, MaxPlaces);
        string digits = Scaled(magnitude, exact).ToString(CultureInfo.InvariantCulture).PadLeft(exact + 1, '0');
        return places == 0 ? digits : digits.Insert(digits.Length - exact, ".") + new string('0', places - exact);
    }

    /// <summary>The shortest digits that read back as the number, and the power of ten of the first one.</summary>
    private static (string Digits, int Exponent) Shortest(double magnitude)
    {
        string text = magnitude.ToString("R", CultureInfo.InvariantCulture);
        int mark = text.IndexOf('E');
        int exponent = mark < 0 ? 0 : int.Parse(text.AsSpan(mark + 1), CultureInfo.InvariantCulture);
        string mantissa = mark < 0 ? text : text[..mark];
        int point = mantissa.IndexOf('.') is int at and >= 0 ? at : mantissa.Length;
        string digits = mantissa.Replace(".", "");
        string significant = digits.TrimStart('0');
        exponent += point - 1 - (digits.Length - significant.Length);
        significant = significant.TrimEnd('0');
        return significant.Length == 0 ? ("0", 0) : (significant, exponent);
    }

    /// <summary>So many significant digits of the exact value, and the power of ten of the first one.</summary>
    private static (string Digits, int Exponent) Significant(double magnitude, int count)
    {
        int exact = Math.Min(count, MaxSignificant);
        if (magnitude == 0)
            return (new string('0', count), 0);

        // The logarithm may be off by one, and rounding may carry into one more digit. An exponent that is too small
        // shows in the length; one that is too large would hide a digit, so the search starts below.
        for (int exponent = (int)Math.Floor(Math.Log10(magnitude)) - 1; ; exponent++)
        {
            string digits = Scaled(magnitude, exact - 1 - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length <= exact)
                return (digits.PadRight(count, '0'), exponent);
        }
    }

    /// <summary>The exact value times 10 to a power, as an integer; a tie goes to the even one.</summary>
    private static BigInteger Scaled(double magnitude, int power)
    {
        long bits = BitConverter.DoubleToInt64Bits(magnitude);
        int exponent = (int)(bits >> 52);
        BigInteger numerator = (bits & ((1L << 52) - 1)) | (exponent == 0 ? 0 : 1L << 52);
        exponent = Math.Max(exponent, 1) - 1075;
        BigInteger scale = BigInteger.Pow(10, Math.Abs(power));
        BigInteger denominator = power < 0 ? scale : BigInteger.One;
        numerator *= power < 0 ? BigInteger.One : scale;
        if (exponent < 0)
            denominator <<= -exponent;
        else
            numerator <<= exponent;
        return IntegerText.DivideToEven(numerator, denominator);
    }
}
