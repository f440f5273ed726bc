using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>Answers that try to cost time or memory. Each is judged within the budget, and none is right.</summary>
public sealed class HostileAnswerTests
{
    private static readonly (string Name, string Text)[] Answers =
    [
        ("nested brackets", new string('(', 100_000) + "1" + new string(')', 100_000)),
        ("nested brackets below the length limit", new string('(', 3_000) + "1" + new string(')', 3_000)),
        ("nested fractions", Repeat("\\frac{1}{", 100_000) + "2" + new string('}', 100_000)),
        ("nested fractions without braces", Repeat("\\frac", 1_500)),
        ("nested roots", Repeat("\\sqrt{", 900) + "2" + new string('}', 900)),
        ("roots without braces", Repeat("\\sqrt", 1_500) + "2"),
        ("nested boxes", Repeat("\\boxed{", 100_000) + "2" + new string('}', 100_000)),
        ("boxes that are never closed", Repeat("\\boxed{", 100_000)),
        ("a million digits", new string('7', 1_000_000)),
        ("digits below the length limit", new string('7', 7_900)),
        ("decimals below the length limit", "0." + new string('7', 7_900)),
        ("a tower of twos", "2^2^2^2^2"),
        ("a tower in braces", "2^{2^{2^{2^{2}}}}"),
        ("a tower of nines", "9^9^9^9"),
        ("a long tower", Repeat("9^", 2_000) + "9"),
        ("a large power", "(1+\\sqrt{2})^{100000000}"),
        ("a large power of a sum", "(x+y+z)^{100000000}"),
        ("a power that underflows", "2^{-10^{12}}"),
        ("a factorial", "1000000!"),
        ("factorials of factorials", "9!!!"),
        ("a million commas", new string(',', 1_000_000)),
        ("a million items", Repeat("1,", 500_000) + "1"),
        ("a thousand items", string.Join(", ", Enumerable.Range(0, 1_000))),
        ("many roots", string.Join("+", Enumerable.Range(2, 600).Select(i => $"\\sqrt{{{i}}}"))),
        ("a product of sums of roots", Repeat("(\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\sqrt{11})", 100)),
        ("a reciprocal of roots", "\\frac{1}{" + string.Join("+", Enumerable.Range(2, 20).Select(i => $"\\sqrt{{{i}}}")) + "}"),
        ("sines of sines", Repeat("\\sin", 1_000) + " x"),
        ("sines of sines in brackets", Repeat("\\sin(", 50) + "x" + new string(')', 50)),
        ("exponentials", Repeat("e^{", 50) + "x" + new string('}', 50)),
        ("many sines", string.Join("+", Enumerable.Range(1, 500).Select(i => $"\\sin({i}x)"))),
        ("a large angle", "\\sin(10^{1000})"),
        ("minus signs", new string('-', 7_000) + "1"),
        ("bars", new string('|', 3_000)),
        ("plus-minus in a list", string.Join(", ", Enumerable.Range(1, 500).Select(i => $"\\pm {i}"))),
        ("a large matrix", "\\begin{pmatrix}" + Repeat("1 & 2 \\\\", 700) + "\\end{pmatrix}"),
        ("an exponent of ten", "1e999999999"),
        ("open formulas", Repeat("\\(", 100_000)),
        ("dollars", Repeat("$ a", 100_000)),
        ("announcements", Repeat("the answer is ", 50_000)),
        ("thoughts", Repeat("<think>", 10_000) + Repeat("</think>", 10_000) + "7"),
        ("surrogates", "\ud800\udfff\ud800"),
        ("zeros", "0^0 / (0/0)"),
        ("a huge root degree that is no integer", "\\sqrt[(\\frac{7}{3})^{300}]{\\arctan 2}"),
        ("a chain of quotients", Repeat("1E2999/", 1_100) + "1E2999"),
        ("tiny numbers left out", "\\mathbb{R} \\setminus \\{" + string.Join(", ", Enumerable.Range(1, 150).Select(i => $"3^{{-{9_000_000 + i}}}")) + "\\}"),
        ("a periodic decimal", "0.\\overline{" + new string('7', 3_000) + "}"),
    ];

    private static IEnumerable<TestCaseData> Cases() => Answers.Select(answer => new TestCaseData(answer.Text).SetName($"Hostile: {answer.Name}"));

    [TestCaseSource(nameof(Cases))]
    [MaxTime(20_000)]
    public void AHostileAnswerIsWrongAndJudgedWithinItsBudget(string text)
    {
        Assert.That(MathJudge.Judge(text, "x^2+1").Outcome, Is.Not.EqualTo(Outcome.Correct));
        Assert.That(MathJudge.Judge($"\\boxed{{{text}}}", "\\{17, \\sqrt{2}\\}").Outcome, Is.Not.EqualTo(Outcome.Correct));
        Assert.That(ChoiceJudge.Judge(text, "A").Outcome, Is.Not.EqualTo(Outcome.Correct));
    }

    [Test]
    public void WorkBeyondTheBudgetIsRefused()
    {
        var budget = new Budget();
        Assert.Throws<BudgetException>(() => budget.Spend(Budget.MaxWork + 1));
        Assert.That(budget.Spent, Is.GreaterThan(Budget.MaxWork));
    }

    [TestCase("a list of many items", ExpectedResult = "too large")]
    [TestCase("text", ExpectedResult = "text")]
    public string AnAnswerThatIsTooLargeSaysSo(string kind) => MathJudge
        .Judge(kind == "text" ? "\\boxed{east}" : $"\\boxed{{{string.Join(", ", Enumerable.Range(0, 1_000))}}}", "\\{1,2,3\\}")
        .Rule;

    [TestCase(")(")]
    [TestCase("\\frac{1}{")]
    [TestCase("3 + ")]
    [TestCase("[1, 2}")]
    public void WhatCannotBeReadIsCountedApart(string text)
        => Assert.That(MathJudge.Compare(text, "3"), Is.EqualTo((false, "unreadable")));

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
