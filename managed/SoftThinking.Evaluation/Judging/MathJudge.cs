using SoftThinking.Evaluation.Judging.Algebra;
using SoftThinking.Evaluation.Judging.Extraction;
using SoftThinking.Evaluation.Judging.Reading;
using SoftThinking.Evaluation.Judging.Rules;

namespace SoftThinking.Evaluation.Judging;

/// <summary>
/// Judges answers to mathematical questions by rules: finds the answer in a text, reads it and the reference as mathematics,
/// and compares what they say rather than how they say it.
/// </summary>
public static class MathJudge
{
    /// <summary>Judges a text against a reference.</summary>
    /// <param name="answer">What follows the thought, or a whole completion, of which only what follows the last thought counts.</param>
    /// <param name="reference">The reference, in LaTeX or plain text.</param>
    public static Verdict Judge(string answer, string reference)
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentNullException.ThrowIfNull(reference);
        if (AnswerText.AfterThought(answer) is not { } text)
            return new Verdict(Outcome.NoAnswer, "open thought");
        if (MathExtraction.Find(text) is not { } found)
            return new Verdict(Outcome.NoAnswer, "no answer");
        (bool equal, string? rule) = Compare(found, reference.Trim());
        return new Verdict(equal ? Outcome.Correct : Outcome.Wrong, rule) { Answer = found };
    }

    /// <summary>Whether two bare answers are equivalent, and the rule that decided.</summary>
    internal static (bool Equal, string Rule) Compare(string answer, string reference)
    {
        if (answer == reference)
            return (true, "text");
        try
        {
            Budget budget = new();
            if (SameTokens(answer, reference))
                return (true, "text");
            return CompareReadings(Reader.Read(answer), Reader.Read(MathExtraction.Unwrap(reference)), budget);
        }
        catch (BudgetException)
        {
            return (false, "too large");
        }
    }

    private static (bool Equal, string Rule) CompareReadings(
        IReadOnlyList<ReadAnswer> answers, IReadOnlyList<ReadAnswer> references, Budget budget)
    {
        string rule = "unreadable";
        foreach (ReadAnswer answer in answers)
        {
            foreach (ReadAnswer reference in references)
            {
                if (answer.Node is null)
                    continue;
                Node other = reference.Node ?? new TextNode(reference.Text);
                (bool Equal, string Rule) decision = new Comparison(budget).Decide(answer.Node, other);
                if (decision.Equal)
                    return decision;
                if (rule == "unreadable")
                    rule = decision.Rule;
            }
        }
        // What is read as words on one side only may still be the same words.
        (ReadAnswer first, ReadAnswer second) = (answers[0], references[0]);
        bool isText = first.Node is TextNode || second.Node is TextNode;
        return isText && WordForm.Equal(first.Text, second.Text) ? (true, "text") : (false, rule);
    }

    private static bool SameTokens(string a, string b)
    {
        try
        {
            IReadOnlyList<Token> x = Tokenizer.Tokenize(a, CommaReading.Thousands);
            IReadOnlyList<Token> y = Tokenizer.Tokenize(b, CommaReading.Thousands);
            return x.Count > 1 && x.Count == y.Count && x.Zip(y).All(pair => Same(pair.First, pair.Second));
        }
        catch (UnreadableException)
        {
            return false;
        }
    }

    private static bool Same(Token a, Token b) => a.Kind == b.Kind && string.Equals(
        a.Text, b.Text, a.Kind is TokenKind.Text or TokenKind.Word ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
}
