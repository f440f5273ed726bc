using NUnit.Framework;
using SoftThinking.Evaluation.Judging;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>The judge on the references of real data sets.</summary>
public sealed class DatasetReferenceTests
{
    [TestCase("math500")]
    [TestCase("aime2024")]
    [TestCase("aime2025")]
    [TestCase("amc23")]
    [TestCase("gsm8k")]
    public void EveryReferenceIsCorrectAgainstItself(string dataset)
    {
        var wrong = JudgeData.References(dataset).Distinct()
            .Where(reference => MathJudge.Judge($"So it is $\\boxed{{{reference}}}$.", reference).Outcome != Outcome.Correct);
        Assert.That(wrong, Is.Empty);
    }

    [TestCase("math500")]
    public void EveryReferenceCanBeRead(string dataset)
    {
        var unreadable = JudgeData.References(dataset).Distinct()
            .Where(reference => MathJudge.Compare(reference, "12345").Rule is "unreadable" or "too large");
        Assert.That(unreadable, Is.Empty);
    }

    /// <summary>Different references are different answers, but for units, bases and lists whose values agree.</summary>
    [Test]
    public void DifferentReferencesAreRarelyEqual()
    {
        var references = JudgeData.References("math500").Distinct().ToList();
        var random = new Random(17);
        var equal = new List<string>();
        for (var i = 0; i < 4_000; i++)
        {
            var (a, b) = (references[random.Next(references.Count)], references[random.Next(references.Count)]);
            if (a != b && MathJudge.Compare(a, b) is { Equal: true } decision && decision.Rule is not ("unit" or "base" or "list" or "text" or "equation"))
                equal.Add($"{a} = {b} by '{decision.Rule}'");
        }
        Assert.That(equal, Is.SubsetOf(new[] { "\\frac14 = \\frac{1}{4} by 'number'", "\\frac{1}{4} = \\frac14 by 'number'" }));
    }
}
