using System.Globalization;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting.Writing;

/// <summary>Numbers as reports show them, in every culture alike.</summary>
internal static class Numbers
{
    /// <summary>Stands for a number that does not exist.</summary>
    public const string None = "–";

    public static string Count(int number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Position of an item in its data set.</summary>
    public static string Index(int index) => index.ToString(CultureInfo.InvariantCulture);

    /// <summary>A count with its noun, such as "1 item" or "500 items".</summary>
    public static string Count(int number, string noun) => $"{Count(number)} {noun}{(number == 1 ? "" : "s")}";

    /// <summary>A share from 0 to 1 as a percentage with one decimal.</summary>
    public static string Percent(double share) => Text(share * 100, "F1") is var text && text == None ? None : text + "%";

    /// <summary>A share in percent, or a difference of shares in percentage points, without a unit.</summary>
    public static string Points(double difference) => Text(difference * 100, "F1");

    public static string Points(Interval interval) => $"{Points(interval.Low)} to {Points(interval.High)}";

    /// <summary>Tokens, entropies: three significant digits or whole numbers.</summary>
    public static string Plain(double number) =>
        Text(number, Math.Abs(number) switch { >= 99.95 => "N0", >= 9.995 => "F1", 0 => "F0", _ => "F2" });

    public static string Plain(Interval interval) => $"{Plain(interval.Low)} to {Plain(interval.High)}";

    /// <summary>The text of a number with a plus before it where the number is positive.</summary>
    public static string Signed(double number, string text) => number > 0 && text != None ? "+" + text : text;

    /// <summary>A p-value with its relation: "= 0.032" or "&lt; 0.001".</summary>
    public static string PValue(double p) => p < 0.001 ? P(p) : "= " + P(p);

    /// <summary>A p-value: "0.032" or "&lt; 0.001".</summary>
    public static string P(double p) => p < 0.001 ? "< 0.001" : Text(p, p < 0.0995 ? "F3" : "F2");

    public static string List(IEnumerable<ulong> numbers) =>
        string.Join(", ", numbers.Select(n => n.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A coordinate or an amount in a style sheet.</summary>
    public static string Css(double number) => number.ToString("0.##", CultureInfo.InvariantCulture);

    private static string Text(double number, string format)
    {
        if (!double.IsFinite(number))
            return None;
        string text = number.ToString(format, CultureInfo.InvariantCulture);
        // The typographic minus is as wide as a digit, and no line breaks after it. A rounded zero has no sign.
        return text.StartsWith('-') ? text.AsSpan(1).ContainsAnyExcept("0.,") ? "−" + text[1..] : text[1..] : text;
    }
}
