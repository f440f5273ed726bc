using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>The judge of choices on the golden cases.</summary>
public sealed class GoldenChoiceTests
{
    [TestCase(false)]
    [TestCase(true)]
    public void EveryCaseHasItsVerdict(bool disputed)
    {
        var cases = JudgeData.Golden("choice.json").Where(item => item.Disputed == disputed).ToList();
        var failures = cases.Select(Failure).OfType<string>().ToList();
        TestContext.Out.WriteLine($"{cases.Count - failures.Count} of {cases.Count} verdicts as expected.");
        Assert.That(failures, Is.Empty);
        Assert.That(cases, Is.Not.Empty);
    }

    private static string? Failure(JudgeCase item)
    {
        var verdict = ChoiceJudge.Judge(item.Prediction, item.Reference, item.Choices);
        return (verdict.Outcome == Outcome.Correct) == item.Equal
            ? null
            : $"{item.Id}: '{item.Prediction}' against '{item.Reference}' is {verdict.Outcome} by '{verdict.Rule}', read '{verdict.Answer}'";
    }
}
