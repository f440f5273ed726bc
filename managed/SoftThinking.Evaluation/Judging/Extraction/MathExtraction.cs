using System.Text.RegularExpressions;

namespace SoftThinking.Evaluation.Judging.Extraction;

/// <summary>Finds the answer in a text: the last box, else what is said to be the answer, else the last that looks like one.</summary>
internal static partial class MathExtraction
{
    /// <summary>Announcements that are tried, from the last; a text that repeats itself has too many.</summary>
    private const int MaxAnnouncements = 20;

    private const int MaxSentence = 500;

    /// <summary>The answer, or null for none.</summary>
    public static string? Find(string text)
    {
        (IReadOnlyList<Box> boxes, bool unclosed) = Boxes.Find(text);
        if (Boxes.Answer(text, boxes) is { } boxed)
            return NotEmpty(Unwrap(boxed));
        // A box that is never closed was cut off: what it would have held is not known.
        if (unclosed)
            return null;
        text = AnswerText.Tail(text);
        if (boxes.Count > 0)
            return Announced(text);
        return Announced(text) ?? Bare(text) ?? NotEmpty(Unwrap(Formulas.Last(text) ?? "")) ?? LastNumber(text);
    }

    /// <summary>An answer without what is only drawn around it.</summary>
    public static string Unwrap(string answer) => Boxes.Unwrap(answer).Trim().Trim('*').Trim();

    private static string? NotEmpty(string text) => text.Length > 0 ? text : null;

    /// <summary>A text that is nothing but an answer.</summary>
    private static string? Bare(string text)
        => Prose.Is(text) || text.Contains("\n\n", StringComparison.Ordinal) ? null : NotEmpty(Unwrap(text));

    /// <summary>What follows the last "answer is", "Answer:" or "####".</summary>
    private static string? Announced(string text)
    {
        foreach (Match? match in Announcement().Matches(text).Reverse().Take(MaxAnnouncements))
        {
            int at = match.Index + match.Length;
            while (at < text.Length && (char.IsWhiteSpace(text[at]) || text[at] is '*' or ':' or '_'))
                at++;
            bool isJoined = match.Groups["link"].Success || Formulas.At(text, at) is not null;
            if (isJoined && At(text, at) is { Length: > 0 } answer)
                return Unwrap(answer);
        }
        return null;
    }

    private static string? At(string text, int at)
    {
        if (Formulas.Joined(text, at) is { Length: > 0 } formula)
            return formula;
        string sentence = Sentence(text, at);
        if (!Prose.Is(sentence))
            return sentence;
        if (Aside().Match(sentence) is { Success: true } aside && !Prose.Is(sentence[..aside.Index]))
            return sentence[..aside.Index];
        return Formulas.Last(sentence) ?? (Numbers().Match(sentence) is { Success: true } number ? Number(sentence, number) : null);
    }

    private static string Sentence(string text, int at)
    {
        int end = at;
        int limit = Math.Min(text.Length, at + MaxSentence);
        while (end < limit && text[end] != '\n' && !(text[end] == '.' && (end + 1 == text.Length || char.IsWhiteSpace(text[end + 1]))))
            end++;
        return text[at..end].Trim().Trim('*', '"').Trim();
    }

    private static string? LastNumber(string text)
        => Numbers().Matches(text) is { Count: > 0 } matches ? Number(text, matches[^1]) : null;

    /// <summary>A number with its sign, which it only has where nothing stands directly before it.</summary>
    private static string Number(string text, Match match)
    {
        string number = match.Value.TrimEnd(',');
        bool isDifference = match.Index > 0 && (char.IsLetterOrDigit(text[match.Index - 1]) || text[match.Index - 1] == ')');
        return isDifference ? number.TrimStart('-', '−') : number;
    }

    [GeneratedRegex(
        @"(?<link>####)|(?:\banswer|\bresult)\b\**(?<link>\s*(?:\bis\b|\bare\b|\bequals\b|:|=))?",
        RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Announcement();

    /// <summary>Where a sentence goes on to speak of something else.</summary>
    [GeneratedRegex(
        @",?\s+(?:because|since|as|which|where|so|for|when|if|but)\b|,\s+(?:or|and|that|it|with)?\s*[A-Za-z]{2,}",
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)]
    private static partial Regex Aside();

    [GeneratedRegex(
        @"[-−]?\\?\$?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)(?:\s*/\s*[0-9]+)?\\?%?",
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)]
    private static partial Regex Numbers();
}
