using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>The judge of mathematics on the golden cases.</summary>
public sealed class GoldenMathTests
{
    [Test]
    public void EveryCaseHasItsVerdict() => AssertVerdicts(disputed: false);

    [Test]
    public void DisputedCasesHaveTheVerdictOfAFairGrader() => AssertVerdicts(disputed: true);

    private static void AssertVerdicts(bool disputed)
    {
        var cases = JudgeData.Golden("math.json").Where(item => item.Disputed == disputed).ToList();
        var failures = cases.SelectMany(Failures).ToList();
        TestContext.Out.WriteLine($"{cases.Count - failures.Count} of {cases.Count} verdicts as expected.");
        Assert.That(failures, Is.Empty);
        Assert.That(cases, Is.Not.Empty);
    }

    private static IEnumerable<string> Failures(JudgeCase item)
    {
        string[] spellings = item.Form == "answer" ? [item.Prediction, $"\\boxed{{{item.Prediction}}}"] : [item.Prediction];
        foreach (var text in spellings)
        {
            var verdict = MathJudge.Judge(text, item.Reference);
            if ((verdict.Outcome == Outcome.Correct) != item.Equal)
                yield return $"{item.Id}: '{text}' against '{item.Reference}' is {verdict.Outcome} by '{verdict.Rule}', read '{verdict.Answer}'";
        }
    }
}
