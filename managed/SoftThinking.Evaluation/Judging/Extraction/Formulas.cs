namespace SoftThinking.Evaluation.Judging.Extraction;

/// <summary>Formulas of a text: $…$, $$…$$, \(…\) and \[…\].</summary>
internal static class Formulas
{
    private static readonly (string Open, string Close)[] Delimiters = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")];

    /// <summary>The content of the formula that begins at a position, and the position behind it; null for none.</summary>
    public static (string Content, int End)? At(string text, int at)
    {
        foreach ((string? open, string? close) in Delimiters)
        {
            if (string.CompareOrdinal(text, at, open, 0, open.Length) != 0)
                continue;
            int start = at + open.Length;
            int end = End(text, start, close);
            // "$5 and then $7" is about money: space stands on both sides of a formula, or on neither.
            if (end < 0 || (open == "$" && end > start && char.IsWhiteSpace(text[start]) != char.IsWhiteSpace(text[end - 1])))
                return null;
            return (text[start..end].Trim(), end + close.Length);
        }
        return null;
    }

    /// <summary>The formula at a position with those that are joined to it by commas, "and" or "or" only; null for none.</summary>
    public static string? Joined(string text, int at)
    {
        if (At(text, at) is not { } first)
            return null;
        (string? joined, int end) = first;
        while (Joint(text, end) is { } next && At(text, next) is { } formula)
        {
            joined += ", " + formula.Content;
            end = formula.End;
        }
        return joined;
    }

    /// <summary>The position behind a comma, "and" or "or", or null for none.</summary>
    private static int? Joint(string text, int at)
    {
        int end = SkipSpace(text, at);
        bool any = false;
        foreach (string joint in (ReadOnlySpan<string>)[",", "and ", "or "])
        {
            if (string.CompareOrdinal(text, end, joint, 0, joint.Length) != 0)
                continue;
            any = true;
            end = SkipSpace(text, end + joint.Length);
        }
        return any ? end : null;
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
            at++;
        return at;
    }

    /// <summary>The content of the last formula that has one.</summary>
    public static string? Last(string text)
    {
        string? last = null;
        for (int i = 0; i < text.Length;)
        {
            if (text[i] is not ('$' or '\\'))
            {
                i++;
            }
            else if (At(text, i) is { } formula)
            {
                last = formula.Content.Length > 0 ? formula.Content : last;
                i = formula.End;
            }
            else
            {
                // An opened formula that is not closed: nothing that follows is one of its kind.
                i += text[i] == '\\' ? 2 : 1;
                if (i < text.Length && text[i - 1] == '$' && text.IndexOf('$', i) < 0)
                    return last;
            }
        }
        return last;
    }

    private static int End(string text, int from, string close)
    {
        for (int i = from; i < text.Length; i++)
        {
            if (string.CompareOrdinal(text, i, close, 0, close.Length) == 0)
                return i;
            if (text[i] == '\\')
                i++;
            // A formula does not span paragraphs.
            if (i + 1 < text.Length && text[i] == '\n' && text[i + 1] == '\n')
                return -1;
        }
        return -1;
    }
}
