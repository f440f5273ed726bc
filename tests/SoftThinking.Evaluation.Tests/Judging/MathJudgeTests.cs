using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>The rule and the answer that a verdict reports.</summary>
public sealed class MathJudgeTests
{
    [Test]
    public void AVerdictNamesItsRuleAndTheAnswerItRead()
        => Assert.That(MathJudge.Judge("<think>\\boxed{3}</think>So $\\boxed{[1,2)}$.", "[1,2)"), Is.EqualTo(new Verdict(Outcome.Correct, "text") { Answer = "[1,2)" }));

    [TestCase("\\boxed{\\frac{2}{4}}", "\\frac12", "number")]
    [TestCase("\\boxed{2x}", "x+x", "expression")]
    [TestCase("\\boxed{x<1}", "(-\\infty,1)", "interval")]
    [TestCase("\\boxed{\\{2,1\\}}", "\\{1,2\\}", "list")]
    [TestCase("\\boxed{(1,2)}", "(1,3)", "tuple")]
    [TestCase("\\boxed{5\\%}", "5", "unit")]
    [TestCase("\\boxed{x=2}", "3", "equation")]
    [TestCase("\\boxed{EAST}", "\\text{east}", "text")]
    [TestCase("\\boxed{1+}", "3", "unreadable")]
    public void TheRuleThatDecidedIsNamed(string answer, string reference, string rule)
        => Assert.That(MathJudge.Judge(answer, reference).Rule, Is.EqualTo(rule));

    [TestCase("", "no answer")]
    [TestCase("   \n", "no answer")]
    [TestCase("I do not know.", "no answer")]
    [TestCase("\\boxed{}", "no answer")]
    [TestCase("So 3 + 4 = \\boxed{7", "no answer")]
    [TestCase("<think>It is 7", "open thought")]
    [TestCase("<think>a</think>It is 7.<think>Or 8", "open thought")]
    public void WhereNothingIsAnAnswerThereIsNone(string answer, string rule)
        => Assert.That(MathJudge.Judge(answer, "7"), Is.EqualTo(new Verdict(Outcome.NoAnswer, rule)));
}
