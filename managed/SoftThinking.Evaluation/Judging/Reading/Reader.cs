using System.Text.RegularExpressions;
using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>An answer in one of the ways that it can be read.</summary>
/// <param name="Node">What was read; null for an answer that is neither mathematics nor words.</param>
internal sealed record ReadAnswer(string Text, Node? Node);

/// <summary>Reads answers, in all ways that their commas and logarithms allow.</summary>
internal static partial class Reader
{
    /// <summary>Words that say something that has a sign of its own.</summary>
    private static readonly Dictionary<string, Node> Phrases = new()
    {
        ["all real number"] = new SymbolNode(Constants.Reals),
        ["all real"] = new SymbolNode(Constants.Reals),
        ["real number"] = new SymbolNode(Constants.Reals),
        ["empty set"] = new SetNode([]),
    };

    /// <summary>The readings of an answer, the most likely first, at least one.</summary>
    public static IReadOnlyList<ReadAnswer> Read(string text)
    {
        if (text.Length < 40 && Phrases.TryGetValue(WordForm.Of(text), out Node? phrase))
            return [new ReadAnswer(text, phrase)];
        List<ReadAnswer> readings = [];
        foreach (Interpretation interpretation in Interpretations(text))
        {
            try
            {
                readings.Add(new ReadAnswer(text, Parser.Parse(text, interpretation)));
            }
            catch (UnreadableException)
            {
                // The next interpretation may be readable.
            }
        }
        if (readings.Count == 0)
            readings.Add(new ReadAnswer(text, WordForm.HasWord(text) ? new TextNode(text) : null));
        if (LetterWithText().Match(text) is { Success: true } marked && !LetterMark().IsMatch(marked.Groups["text"].Value))
        {
            readings.Add(new ReadAnswer(marked.Groups["letter"].Value, new SymbolNode(marked.Groups["letter"].Value)));
            readings.AddRange(Read(marked.Groups["text"].Value));
        }
        return readings;
    }

    private static IEnumerable<Interpretation> Interpretations(string text)
    {
        CommaReading[] commas = HasCommaInNumber(text) ? Enum.GetValues<CommaReading>() : [CommaReading.Thousands];
        foreach (CommaReading comma in commas)
        {
            yield return new Interpretation(comma, DecimalLogarithm: false);
            if (text.Contains("log", StringComparison.Ordinal))
                yield return new Interpretation(comma, DecimalLogarithm: true);
        }
    }

    /// <summary>The letter of an option with its text, as in \textbf{(D) } 12: either may be meant.</summary>
    [GeneratedRegex(
        @"^(?:\\(?:text|textbf|mathrm|mathbf)\s*\{\s*\((?<letter>[A-J])\)\s*\}|\((?<letter>[A-J])\)\s)"
            + @"(?:\s|~|\\[ ,;:!]|\\quad)*(?<text>[A-Za-z0-9\\$].*)$",
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex LetterWithText();

    [GeneratedRegex(@"\([A-J]\)|^\s*(?:and|or)\b", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)]
    private static partial Regex LetterMark();

    private static bool HasCommaInNumber(string text)
    {
        for (int i = text.IndexOf(',', StringComparison.Ordinal); i >= 0; i = text.IndexOf(',', i + 1))
        {
            if (i > 0 && i + 1 < text.Length && char.IsAsciiDigit(text[i - 1]) && char.IsAsciiDigit(text[i + 1]))
                return true;
        }
        return false;
    }
}
