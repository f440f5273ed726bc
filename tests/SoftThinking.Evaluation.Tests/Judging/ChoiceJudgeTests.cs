using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>Texts that choose an option, or none.</summary>
public sealed class ChoiceJudgeTests
{
    private static readonly Dictionary<string, string> Choices = new()
    {
        ["A"] = "10^-4 eV",
        ["B"] = "D4h",
        ["C"] = "a",
        ["D"] = "The blue one",
    };

    [TestCase("\"answer\": \"C\"", "C")]
    [TestCase("{\"answer\" : \"(C)\"}", "C")]
    [TestCase("{'answer': 'c'}", "C")]
    [TestCase("{\"answer\": C}", "C")]
    [TestCase("\"answer\": \"**C**\"", "C")]
    [TestCase("\"answer\": \"C) 12\"", "C")]
    [TestCase("$\\boxed{\\textbf{C}}$", "C")]
    [TestCase("\\boxed{\\text{Option C}}", "C")]
    [TestCase("\\boxed{c}", "C")]
    [TestCase("**Answer: C**", "C")]
    [TestCase("**Answer:** C", "C")]
    [TestCase("Answer: (C)", "C")]
    [TestCase("Final answer: option C.", "C")]
    [TestCase("The correct answer is (C).", "C")]
    [TestCase("The correct answer is **C**.", "C")]
    [TestCase("The correct answer is: C", "C")]
    [TestCase("the correct option is therefore C", "C")]
    [TestCase("I would choose C.", "C")]
    [TestCase("Long text about it.\n\n**C**", "C")]
    [TestCase("C) 42", "C")]
    [TestCase("<answer>C</answer>", "C")]
    [TestCase("\"answer\": \"A\" at first. \"answer\": \"C\"", "C")]
    [TestCase("The answer is A because it moves.", "A")]
    [TestCase("Answer: A", "A")]
    [TestCase("\"answer\": \"10^-4 eV\"", "A")]
    [TestCase("\\boxed{D4h}", "B")]
    [TestCase("The answer is the blue one.", "D")]
    [TestCase("Answer: C\n\nNote that option D is close.", "C")]
    [TestCase("<think>\"answer\": \"B\"</think>\"answer\": \"D\"", "D")]
    public void ChoosesAnOption(string text, string letter)
    {
        Assert.That(ChoiceJudge.Judge(text, letter, Choices), Has.Property("Outcome").EqualTo(Outcome.Correct).And.Property("Answer").EqualTo(letter));
        Assert.That(ChoiceJudge.Judge(text, letter == "A" ? "B" : "A", Choices).Outcome, Is.EqualTo(Outcome.Wrong));
    }

    [TestCase("A spectrum shows it.", "choice.none")]
    [TestCase("The answer is a spectrum.", "choice.none")]
    [TestCase("Because C-H bonds are weak, D4h is out.", "choice.none")]
    [TestCase("\\boxed{A, B}", "choice.several")]
    [TestCase("Answer: B or C", "choice.several")]
    [TestCase("\"answer\": \"A/B\"", "choice.several")]
    [TestCase("", "choice.none")]
    [TestCase("<think>Answer: C", "open thought")]
    public void ChoosesNone(string text, string rule)
        => Assert.That(ChoiceJudge.Judge(text, "C", Choices), Is.EqualTo(new Verdict(Outcome.NoAnswer, rule)));
}
