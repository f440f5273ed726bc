namespace SoftThinking.Evaluation.Judging.Extraction;

/// <summary>The part of a completion that counts.</summary>
internal static class AnswerText
{
    private const string Open = "<think>";
    private const string Close = "</think>";

    /// <summary>Characters at the end in which an answer without a box is looked for.</summary>
    private const int MaxTail = 20_000;

    /// <summary>The end of a text.</summary>
    public static string Tail(string text) => text.Length <= MaxTail ? text : text[^MaxTail..];

    /// <summary>What follows the last thought, or null where a thought was opened and never closed.</summary>
    public static string? AfterThought(string completion)
    {
        int close = completion.LastIndexOf(Close, StringComparison.Ordinal);
        string text = close < 0 ? completion : completion[(close + Close.Length)..];
        return text.Contains(Open, StringComparison.Ordinal) ? null : text.Trim();
    }
}
