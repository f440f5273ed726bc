using System.Globalization;
using System.Numerics;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>Integers as text in a base, and integers from text.</summary>
internal static class IntegerText
{
    // Python refuses to read longer texts as integers.
    private const int MaxDigits = 4300;

    /// <summary>The digits of an integer that is not negative.</summary>
    /// <param name="magnitude">The absolute value.</param>
    /// <param name="radix">2, 8, 10 or 16; digits above 9 are lower-case letters.</param>
    public static string Digits(BigInteger magnitude, int radix)
    {
        if (radix == 10)
            return magnitude.ToString(CultureInfo.InvariantCulture);
        string digits = magnitude.ToString(radix == 16 ? "x" : "b", CultureInfo.InvariantCulture);
        return TrimZeros(radix == 8 ? Octal(digits) : digits);
    }

    private static string Octal(string bits)
    {
        bits = new string('0', (3 - bits.Length % 3) % 3) + bits;
        StringBuilder octal = new();
        for (int i = 0; i < bits.Length; i += 3)
            octal.Append((char)('0' + (bits[i] - '0') * 4 + (bits[i + 1] - '0') * 2 + bits[i + 2] - '0'));
        return octal.ToString();
    }

    private static string TrimZeros(string digits) => digits.TrimStart('0') is { Length: > 0 } rest ? rest : "0";

    /// <summary>int(text, base): whitespace around, a sign, digits of any script, single underscores between digits,
    /// and the prefix of the base; the base 0 reads it from the prefix.</summary>
    /// <returns>A long or BigInteger; null where the text is no integer of that base.</returns>
    public static object? Parse(string text, int radix)
    {
        text = ToAscii(text);
        bool isNegative = text.StartsWith('-');
        string digits = isNegative || text.StartsWith('+') ? text[1..] : text;
        int named = digits.Length > 1 && digits[0] == '0'
            ? char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 }
            : 0;
        if (named != 0 && radix == 0 || named == radix && radix != 0)
        {
            radix = named;
            digits = digits.AsSpan(2).StartsWith("_") ? digits[3..] : digits[2..];
        }
        else if (radix == 0)
        {
            radix = 10;
            if (digits.StartsWith('0') && digits.AsSpan().ContainsAnyExcept('0', '_'))
                return null;
        }
        if (digits.Length is 0 or > MaxDigits || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__"))
            return null;
        return Read(digits, radix) is BigInteger magnitude
            ? Number.FromInteger(isNegative ? -magnitude : magnitude)
            : null;
    }

    /// <summary>Digits of a base and underscores; null where there is another character. Digits are collected in a
    /// machine word, because each multiplication costs the length of the whole number.</summary>
    private static BigInteger? Read(string digits, int radix)
    {
        const ulong Full = 1UL << 56;
        BigInteger result = 0;
        (ulong word, ulong unit) = (0, 1);
        foreach (char c in digits)
        {
            if (c == '_')
                continue;
            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? (c | ' ') - 'a' + 10 : radix;
            if (digit >= radix)
                return null;
            (word, unit) = (word * (ulong)radix + (ulong)digit, unit * (ulong)radix);
            if (unit < Full)
                continue;
            result = result * unit + word;
            (word, unit) = (0, 1);
        }
        return result * unit + word;
    }

    /// <summary>Text as int() and float() of Python read it: without whitespace around it, and with the decimal digits
    /// of every script as 0 to 9.</summary>
    public static string ToAscii(string text)
    {
        text = Python.Strip(text);
        if (Ascii.IsValid(text))
            return text;
        StringBuilder result = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber)
                result.Append((char)('0' + (int)Rune.GetNumericValue(rune)));
            else
                result.Append(rune.ToString());
        }
        return result.ToString();
    }

    /// <summary>A quotient of positive numbers, rounded to the nearest integer; a tie goes to the even one.</summary>
    public static BigInteger DivideToEven(BigInteger numerator, BigInteger denominator)
    {
        BigInteger quotient = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
        int order = (rest << 1).CompareTo(denominator);
        return order > 0 || (order == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
