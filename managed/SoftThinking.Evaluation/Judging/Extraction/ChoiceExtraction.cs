using System.Text.RegularExpressions;
using SoftThinking.Evaluation.Judging.Reading;

namespace SoftThinking.Evaluation.Judging.Extraction;

/// <summary>Finds the chosen option in a text, by the strongest kind of mark that is there.</summary>
internal static partial class ChoiceExtraction
{
    /// <summary>Marks that are tried, from the last; a text that repeats itself has too many.</summary>
    private const int MaxMarks = 20;

    private const int MaxRest = 2000;

    private delegate (LetterKind Kind, string? Letter) Search(string text, IReadOnlyDictionary<string, string>? choices);

    /// <summary>The kinds of marks, the strongest first.</summary>
    private static readonly (string Rule, Search Search)[] Searches =
    [
        ("choice.mark", Marked),
        ("choice.phrase", (text, choices) => Announced(text, Announcements().Matches(text), choices)),
        ("choice.mention", (text, _) => Announced(text, Mentions().Matches(text), null)),
        ("choice.line", (text, _) => Line(text)),
        ("choice.text", (text, choices) => OptionText(text, choices)),
    ];

    /// <summary>The letter of the option, or null, and the rule that found it or says why there is none.</summary>
    public static (string? Letter, string Rule) Find(string text, IReadOnlyDictionary<string, string>? choices)
    {
        text = AnswerText.Tail(text);
        foreach ((string? rule, Search? search) in Searches)
        {
            (LetterKind kind, string? letter) = search(text, choices);
            if (kind == LetterKind.One)
                return (letter, rule);
            if (kind == LetterKind.Several)
                return (null, "choice.several");
        }
        return (null, "choice.none");
    }

    /// <summary>"answer": "C", \boxed{C}, Answer: C, &lt;answer&gt;C&lt;/answer&gt;; the last wins.</summary>
    private static (LetterKind Kind, string? Letter) Marked(string text, IReadOnlyDictionary<string, string>? choices)
    {
        IEnumerable<(int Index, string Content)> marks = Marks().Matches(text).TakeLast(MaxMarks)
            .Select(match => (match.Index, Content: Rest(text, match.Index + match.Length)));
        IEnumerable<(int Index, string Content)> boxes = Boxes.Find(text).Boxes.TakeLast(MaxMarks)
            .Select(box => (Index: box.Start, box.Content));
        foreach ((int _, string? content) in marks.Concat(boxes).OrderByDescending(mark => mark.Index).Take(MaxMarks))
        {
            (LetterKind Kind, string? Letter) found = Read(content, anyCase: true, choices);
            if (found.Kind != LetterKind.None)
                return found;
        }
        return (LetterKind.None, null);
    }

    private static (LetterKind Kind, string? Letter) Announced(
        string text, MatchCollection matches, IReadOnlyDictionary<string, string>? choices)
    {
        foreach (Match? match in matches.Reverse().Take(MaxMarks))
        {
            (LetterKind Kind, string? Letter) found = Read(Rest(text, match.Index + match.Length), anyCase: false, choices);
            if (found.Kind != LetterKind.None)
                return found;
        }
        return (LetterKind.None, null);
    }

    /// <summary>The last line that begins with a letter and nothing else, or with a letter that marks what follows.</summary>
    private static (LetterKind Kind, string? Letter) Line(string text)
    {
        foreach (string? line in text.Split('\n').Reverse())
        {
            if (LetterScanner.IsMarked(line))
                return LetterScanner.Read(line, anyCase: false);
        }
        return (LetterKind.None, null);
    }

    private static (LetterKind Kind, string? Letter) Read(string content, bool anyCase, IReadOnlyDictionary<string, string>? choices)
    {
        // An option that is itself a letter is named by its letter, not by its text.
        (LetterKind Kind, string? Letter) found = LetterScanner.Read(content, anyCase);
        return found.Kind == LetterKind.None ? OptionText(content, choices) : found;
    }

    /// <summary>The only option with this text.</summary>
    private static (LetterKind Kind, string? Letter) OptionText(string text, IReadOnlyDictionary<string, string>? choices)
    {
        text = text.Trim().Trim('"', '\'', '*', '.', ' ', ',', '}');
        if (choices is null || text.Length is 0 or > 2000)
            return (LetterKind.None, null);
        List<KeyValuePair<string, string>> equal = choices.Where(choice => WordForm.Equal(text, choice.Value)).ToList();
        if (equal.Count == 0)
            equal = [.. choices.Where(choice => EqualValues(text, choice.Value.Trim()))];
        return equal.Count == 1 ? (LetterKind.One, equal[0].Key) : (LetterKind.None, null);
    }

    /// <summary>Whether both are the same value; a word on one side only is no unit here.</summary>
    private static bool EqualValues(string text, string choice)
        => WordForm.HasWord(text) == WordForm.HasWord(choice) && MathJudge.Compare(text, choice).Equal;

    /// <summary>What follows a mark: to the end of its quotation, tag, line or sentence.</summary>
    private static string Rest(string text, int at)
    {
        while (at < text.Length && (char.IsWhiteSpace(text[at]) || text[at] is '*' or ':' or '_'))
            at++;
        char quote = at < text.Length && text[at] is '"' or '\'' ? text[at++] : '\0';
        int end = at;
        int limit = Math.Min(text.Length, at + MaxRest);
        while (end < limit && text[end] != '\n' && text[end] != '<' && (quote == '\0' || text[end] != quote)
            && !(quote == '\0' && end > at + 1 && text[end] == '.' && (end + 1 == text.Length || text[end + 1] == ' ')))
            end++;
        return text[at..end];
    }

    [GeneratedRegex(
        "[\"']answer[\"']\\s*:|<answer>|\\banswer\\b\\**\\s*:",
        RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Marks();

    [GeneratedRegex(
        @"\b(?:answer|option|choice)\s+(?:is|would\s+be|should\s+be|must\s+be|will\s+be|seems\s+to\s+be|has\s+to\s+be)\b"
            + @"(?:\s+(?:surely|likely|most\s+likely|probably|clearly|definitely|certainly|therefore|thus|then|indeed|simply|the"
            + @"|letter|option|choice|correct))*",
        RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Announcements();

    [GeneratedRegex(
        @"\bit\s+(?:is|must\s+be|should\s+be|has\s+to\s+be)\b|\b(?:choose|select|pick|go\s+with|option|choice)\b",
        RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Mentions();
}
