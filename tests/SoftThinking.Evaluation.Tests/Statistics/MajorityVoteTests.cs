using NUnit.Framework;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;
using SoftThinking.Evaluation.Tests.Reporting;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class MajorityVoteTests
{
    [Test]
    public void TheMostFrequentAnswerWins() => Assert.That(Winner("7", "5", "5", "7", "5"), Is.EqualTo("5"));

    [Test]
    public void OfATieTheAnswerSeenFirstWins() => Assert.That(Winner("9", "5", "5", "9"), Is.EqualTo("9"));

    [Test]
    public void SamplesWithoutAnAnswerDoNotVote()
    {
        Assert.That(Winner(null, null, null, "5"), Is.EqualTo("5"));
        Assert.That(Winner(null, null), Is.Null);
    }

    [Test]
    public void AnAnswerOfASampleWithoutOneDoesNotVote()
    {
        // A judge may note what it saw although it was no answer, such as two choices at once.
        SampleResult none = Example.Sample(false, "A") with { Verdict = new Verdict(Outcome.NoAnswer, "choice.two") { Answer = "A" } };
        Assert.That(MajorityVote.Winner([none, none, Example.Sample(true, "B")])?.Verdict.Answer, Is.EqualTo("B"));
    }

    [Test]
    public void VotesHaveTheWeightOfTheirConfidence()
    {
        SampleResult[] samples = [Example.Sample(false, "1") with { Confidence = 2 }, Example.Sample(false, "1") with { Confidence = 2 }, Example.Sample(false, "2") with { Confidence = 4.5 }];
        Assert.That(MajorityVote.Winner(samples)?.Verdict.Answer, Is.EqualTo("2"));
        samples[2] = samples[2] with { FinishReason = "low_confidence" };
        Assert.That(MajorityVote.Winner(samples)?.Verdict.Answer, Is.EqualTo("1"), "it ended because its confidence was low");
    }

    [Test]
    public void BlanksMakeNoDifference() => Assert.That(Winner("3", "1  + x", " 1 + x", "3 ", "1 + x\n"), Is.EqualTo("1  + x"));

    [Test]
    public void EquivalentAnswersVoteTogether()
    {
        static bool Equal(string a, string b) => a.Replace("1/2", "0.5", StringComparison.Ordinal) == b.Replace("1/2", "0.5", StringComparison.Ordinal);
        SampleResult[] samples = [.. new[] { "3", "3", "0.5", "1/2", "0.5" }.Select(a => Example.Sample(false, a))];
        Assert.That(MajorityVote.Winner(samples)?.Verdict.Answer, Is.EqualTo("3"));
        Assert.That(MajorityVote.Winner(samples, Equal)?.Verdict.Answer, Is.EqualTo("0.5"));
    }

    [Test]
    public void EquivalenceIsAskedForDifferentTextsOnly()
    {
        var asked = new List<(string, string)>();
        bool Equal(string a, string b)
        {
            asked.Add((a, b));
            return false;
        }
        MajorityVote.Winner([.. new[] { "1", "1", "2", "1", "2" }.Select(a => Example.Sample(false, a))], Equal);
        Assert.That(asked, Is.EqualTo(new[] { ("1", "2") }));
    }

    private static string? Winner(params string?[] answers) =>
        MajorityVote.Winner([.. answers.Select(a => Example.Sample(false, a))])?.Verdict.Answer;
}
