using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>Answers that are found in a text.</summary>
public sealed class MathExtractionTests
{
    [TestCase("The answer is −3.", "-3", true)]
    [TestCase("So $x = 3$ and $y = 4$. The final answer is $(3,4)$.", "(3,4)", true)]
    [TestCase("Thus the area is $\\frac{9\\sqrt{3}}{4}$.", "\\frac{9\\sqrt3}{4}", true)]
    [TestCase("**Final Answer**: $\\frac{3}{5}$", "0.6", true)]
    [TestCase("Final Answer: 3/5", "0.6", true)]
    [TestCase("$\\boxed{3}$, $\\boxed{4}$", "3,4", true)]
    [TestCase("$x=\\boxed{3}$ and $y=\\boxed{4}$", "3,4", true)]
    [TestCase("\\boxed{3}\n\\boxed{3}", "3", true)]
    [TestCase("\\boxed{12} \\text{ cm}", "12", true)]
    [TestCase("$\\boxed{\\text{Evelyn}}$", "\\text{Evelyn}", true)]
    [TestCase("\\fbox{7}", "7", true)]
    [TestCase("Therefore \\boxed 7.", "7", true)]
    [TestCase("Therefore $\\boxed{x = 7}$.", "7", true)]
    [TestCase("$\\boxed{7}$ is the answer, not 8.", "7", true)]
    [TestCase("The value is 3.14.", "3.14", true)]
    [TestCase("Thus, 3/4 of the pie is left.", "\\frac34", true)]
    [TestCase("It is 25%.", "25\\%", true)]
    [TestCase("Result: 1,234", "1234", true)]
    [TestCase("#### 5", "5", true)]
    [TestCase("Answer:\n\n\\[ \\frac{1}{2} \\]", "0.5", true)]
    [TestCase("The answer is: $5$ dollars.", "5", true)]
    [TestCase("The answer is $5.", "5", true)]
    [TestCase("the answer would be 12", "12", true)]
    [TestCase("The answer is 12 because 5+7=12.", "12", true)]
    [TestCase("Answer: $12", "12", true)]
    [TestCase("Answer: x = 12", "12", true)]
    [TestCase("Answer: (1, 2)", "(1,2)", true)]
    [TestCase("Answer: [2,5)", "[2,5)", true)]
    [TestCase("The probability is $\\frac{1}{3}$, which is about 0.333.", "\\frac13", true)]
    [TestCase("Total = 3 + 4 = 7", "7", true)]
    [TestCase("3 + 4 = 7", "7", true)]
    [TestCase("2^{10} = 1024", "1024", true)]
    [TestCase("So the sum is 10.\n\nI hope this helps!", "10", true)]
    [TestCase("<think>1</think>", "1", false)]
    [TestCase("<think>\\boxed{3}</think>\\boxed{4}", "4", true)]
    [TestCase("Then a<b, so \\(\\boxed{5}\\).", "5", true)]
    [TestCase("$5\\sqrt{2}$ cm", "5\\sqrt2", true)]
    [TestCase("$\\frac{1}{2}$ and $\\frac{1}{3}$", "\\frac12,\\frac13", true)]
    [TestCase("$\\{1,2\\}$", "\\{1,2\\}", true)]
    [TestCase("x^2 + 2", "$x^2+2$", true)]
    [TestCase("\\frac{5}{8}\\text{ or }0.625", "\\frac58", true)]
    public void FindsTheAnswer(string text, string reference, bool correct)
        => Assert.That(MathJudge.Judge(text, reference).Outcome == Outcome.Correct, Is.EqualTo(correct));
}
