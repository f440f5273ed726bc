namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Small numbers written as words.</summary>
internal static class NumberWords
{
    private static readonly string[] Words =
    [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    ];

    private static readonly string[] Tens = ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred"];

    /// <summary>The number that a word stands for, or null.</summary>
    public static int? Value(string text)
    {
        string word = text.Trim().ToLowerInvariant();
        int index = Array.IndexOf(Words, word);
        if (index >= 0)
            return index;
        int tens = Array.IndexOf(Tens, word);
        return tens >= 0 ? 30 + (10 * tens) : null;
    }

    /// <summary>The digits of a number word; other text as it is.</summary>
    public static string Normalize(string text)
    {
        return Value(text)?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? text.Trim(' ', '(', ')');
    }
}
