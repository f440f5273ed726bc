using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>An answer in one of the ways that it can be read.</summary>
/// <param name="Node">What was read; null for an answer that is neither mathematics nor words.</param>
internal sealed record ReadAnswer(string Text, Node? Node);

/// <summary>Reads answers, in all ways that their commas and logarithms allow.</summary>
internal static class Reader
{
    /// <summary>The readings of an answer, the most likely first, at least one.</summary>
    public static IReadOnlyList<ReadAnswer> Read(string text)
    {
        var readings = new List<ReadAnswer>();
        foreach (var interpretation in Interpretations(text))
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
        return readings;
    }

    private static IEnumerable<Interpretation> Interpretations(string text)
    {
        var commas = HasCommaInNumber(text) ? Enum.GetValues<CommaReading>() : [CommaReading.Thousands];
        foreach (var comma in commas)
        {
            yield return new Interpretation(comma, DecimalLogarithm: false);
            if (text.Contains("log", StringComparison.Ordinal))
                yield return new Interpretation(comma, DecimalLogarithm: true);
        }
    }

    private static bool HasCommaInNumber(string text)
    {
        for (var i = text.IndexOf(',', StringComparison.Ordinal); i >= 0; i = text.IndexOf(',', i + 1))
        {
            if (i > 0 && i + 1 < text.Length && char.IsAsciiDigit(text[i - 1]) && char.IsAsciiDigit(text[i + 1]))
                return true;
        }
        return false;
    }
}
