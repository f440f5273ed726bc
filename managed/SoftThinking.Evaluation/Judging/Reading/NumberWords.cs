namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Small numbers written as words.</summary>
internal static class NumberWords
{
    private static readonly string[] Words =
    [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    ];

    /// <summary>The digits of a number word; other text as it is.</summary>
    public static string Normalize(string text)
    {
        var index = Array.IndexOf(Words, text.Trim().ToLowerInvariant());
        return index < 0 ? text : index.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
