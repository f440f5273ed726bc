namespace SoftThinking.Evaluation.Judging.Extraction;

/// <summary>What stands where the letter of an option is expected.</summary>
internal enum LetterKind
{
    /// <summary>Something else.</summary>
    None,

    /// <summary>One letter.</summary>
    One,

    /// <summary>Two letters or more, which are no answer.</summary>
    Several,
}

/// <summary>Reads letters of options.</summary>
internal static class LetterScanner
{
    private const char LastLetter = 'J';

    /// <summary>Characters that may follow a letter that stands alone.</summary>
    private const string Ends = ")]}.,:;\"'*$\\/!?`<";

    private static readonly string[] Wrappers =
        ["\\text", "\\textbf", "\\mathrm", "\\mathbf", "\\boxed", "answer", "option", "choice", "letter", "is "];

    /// <summary>Words that may follow the letter A; after any other word it is an article.</summary>
    private static readonly HashSet<string> AfterArticle =
        ["because", "since", "as", "and", "or", "is", "for", "due", "which", "where", "with", "so", "but", "by", "not"];

    /// <summary>The letter at the beginning of a text, behind brackets, quotation marks and words such as "option".</summary>
    /// <param name="anyCase">Whether a small letter counts, as in a box.</param>
    public static (LetterKind Kind, string? Letter) Read(ReadOnlySpan<char> text, bool anyCase)
    {
        text = SkipWrappers(text);
        if (!IsLetter(text, anyCase))
            return (LetterKind.None, null);
        string letter = char.ToUpperInvariant(text[0]).ToString();
        if (letter == "A" && IsArticle(text[1..]))
            return (LetterKind.None, null);
        return FollowedByAnother(text[1..]) ? (LetterKind.Several, null) : (LetterKind.One, letter);
    }

    /// <summary>Whether a text is a letter in brackets or none, or a letter that marks what follows: "(B) text", "B. text".</summary>
    public static bool IsMarked(ReadOnlySpan<char> text)
    {
        text = SkipWrappers(text);
        if (!IsLetter(text, anyCase: false))
            return false;
        ReadOnlySpan<char> rest = text[1..].TrimStart("}*");
        return rest.Trim(" .$)]}*\"'\\").IsEmpty || rest[0] is ')' or '.' or ':' or ']';
    }

    private static ReadOnlySpan<char> SkipWrappers(ReadOnlySpan<char> text)
    {
        for (bool any = true; any;)
        {
            text = text.TrimStart(" \t\r\n*\"'`:=([{$#_-");
            if (text.StartsWith("\\(") || text.StartsWith("\\["))
                text = text[2..];
            any = false;
            foreach (string wrapper in Wrappers)
            {
                if (!text.StartsWith(wrapper, StringComparison.OrdinalIgnoreCase))
                    continue;
                if (text.Length > wrapper.Length && char.IsLetter(text[wrapper.Length]) && wrapper[^1] != ' ')
                    continue;
                text = text[wrapper.Length..];
                any = true;
            }
        }
        return text;
    }

    /// <summary>Whether a letter of an option stands alone at the beginning: "D4h" and "C-H" are none.</summary>
    private static bool IsLetter(ReadOnlySpan<char> text, bool anyCase)
    {
        if (text.IsEmpty || (anyCase ? char.ToUpperInvariant(text[0]) : text[0]) is not (>= 'A' and <= LastLetter))
            return false;
        if (text.Length == 1)
            return true;
        return char.IsWhiteSpace(text[1]) || Ends.Contains(text[1], StringComparison.Ordinal)
            || (text[1] is '-' or '–' && (text.Length == 2 || !char.IsLetterOrDigit(text[2])));
    }

    private static bool IsArticle(ReadOnlySpan<char> rest)
    {
        if (rest.Length < 2 || rest[0] != ' ' || !char.IsAsciiLetterLower(rest[1]))
            return false;
        int end = 1;
        while (end < rest.Length && char.IsAsciiLetter(rest[end]))
            end++;
        return !AfterArticle.Contains(rest[1..end].ToString());
    }

    private static bool FollowedByAnother(ReadOnlySpan<char> rest)
    {
        rest = rest.TrimStart(" )]}*\"'$\\");
        foreach (string joint in (ReadOnlySpan<string>)[", and ", ", or ", "and ", "or ", ",", "/", "&"])
        {
            if (!rest.StartsWith(joint, StringComparison.Ordinal))
                continue;
            rest = rest[joint.Length..].TrimStart(" ([{*\"'$");
            return IsLetter(rest, anyCase: false) && !(rest[0] == 'A' && IsArticle(rest[1..]));
        }
        return false;
    }
}
