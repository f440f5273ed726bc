using System.Globalization;

namespace SoftThinking.Evaluation.Code;

/// <summary>
/// Compares what a program wrote with what was expected: line by line, without space at the ends of lines and of the text.
/// Lines that differ are equal if they hold the same numbers (1.0 and 1), as LiveCodeBench has it; there is no tolerance.
/// </summary>
internal static class OutputComparison
{
    /// <summary>A description of the first difference; null if there is none.</summary>
    public static string? Difference(string expected, string output)
    {
        string[] left = Lines(expected), right = Lines(output);
        if (left.Length != right.Length)
            return string.Create(CultureInfo.InvariantCulture, $"{right.Length} lines of output instead of {left.Length}");
        for (int i = 0; i < left.Length; i++)
        {
            if (left[i] != right[i] && !SameNumbers(left[i], right[i]))
            {
                return string.Create(
                    CultureInfo.InvariantCulture, $"line {i + 1} is \"{Short(right[i])}\", expected \"{Short(left[i])}\"");
            }
        }
        return null;
    }

    private static string[] Lines(string text) => [.. text.Trim().Split('\n').Select(line => line.Trim())];

    private static bool SameNumbers(string left, string right)
    {
        string[] first = left.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        string[] second = right.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return first.Length == second.Length
            && first.Zip(second).All(pair => pair.First == pair.Second || SameNumber(pair.First, pair.Second));
    }

    private static bool SameNumber(string left, string right) =>
        Canonical(left) is { } first && Canonical(right) is { } second && first == second;

    /// <summary>
    /// Sign, digits without zeros at the ends, and the power of ten of the first digit: exact for any length. Null for
    /// what is not a number.
    /// </summary>
    private static (bool Negative, string Digits, long Power)? Canonical(string text)
    {
        ReadOnlySpan<char> rest = text;
        bool negative = rest.Length > 0 && rest[0] == '-';
        if (rest.Length > 0 && rest[0] is '-' or '+')
            rest = rest[1..];
        int exponentAt = rest.IndexOfAny('e', 'E');
        int exponent = 0;
        if (exponentAt >= 0 && !int.TryParse(
            rest[(exponentAt + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            return null;
        ReadOnlySpan<char> mantissa = exponentAt >= 0 ? rest[..exponentAt] : rest;
        int point = mantissa.IndexOf('.');
        string digits = point < 0 ? mantissa.ToString() : string.Concat(mantissa[..point], mantissa[(point + 1)..]);
        if (digits.Length == 0 || digits.AsSpan().ContainsAnyExceptInRange('0', '9'))
            return null;
        string significant = digits.TrimStart('0');
        if (significant.Length == 0)
            return (false, "", 0);
        long power = (long)(point < 0 ? digits.Length : point) - (digits.Length - significant.Length) + exponent;
        return (negative, significant.TrimEnd('0'), power);
    }

    private static string Short(string text) => text.Length <= 100 ? text : text[..100] + "…";
}
