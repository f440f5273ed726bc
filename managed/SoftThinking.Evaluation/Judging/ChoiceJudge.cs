using SoftThinking.Evaluation.Judging.Extraction;

namespace SoftThinking.Evaluation.Judging;

/// <summary>
/// Judges answers to multiple-choice questions by rules: an explicit mark beats prose, the last mark wins, and two letters
/// together are no answer.
/// </summary>
public static class ChoiceJudge
{
    /// <summary>Judges a text against the letter of the right option.</summary>
    /// <param name="answer">What follows the thought, or a whole completion, of which only what follows the last thought counts.</param>
    /// <param name="letter">The letter of the right option.</param>
    /// <param name="choices">The text of each option by its letter, for answers that name the text; null where it is not known.</param>
    public static Verdict Judge(string answer, string letter, IReadOnlyDictionary<string, string>? choices = null)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(letter);
        if (AnswerText.AfterThought(answer) is not { } text)
            return new Verdict(Outcome.NoAnswer, "open thought");
        (string? Letter, string Rule) found = ChoiceExtraction.Find(text, choices);
        if (found.Letter is not { } chosen)
            return new Verdict(Outcome.NoAnswer, found.Rule);
        bool correct = string.Equals(chosen, letter.Trim(), StringComparison.OrdinalIgnoreCase);
        return new Verdict(correct ? Outcome.Correct : Outcome.Wrong, found.Rule) { Answer = chosen };
    }
}
