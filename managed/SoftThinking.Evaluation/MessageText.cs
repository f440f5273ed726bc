namespace SoftThinking.Evaluation;

/// <summary>Texts of others in messages.</summary>
internal static class MessageText
{
    /// <summary>The text on one line, without control characters (a terminal would act on them), cut to a length.</summary>
    public static string Clean(string text, int length) =>
        string.Concat(Start(text, length).Select(c => char.IsControl(c) ? ' ' : c)).Trim();

    /// <summary>The last part of a text, which is cut to a length.</summary>
    public static string End(string text, int length)
    {
        if (text.Length <= length)
            return text;
        int start = text.Length - length;
        return "…" + text[(char.IsLowSurrogate(text[start]) ? start + 1 : start)..];
    }

    private static string Start(string text, int length) =>
        text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)] + "…";
}
