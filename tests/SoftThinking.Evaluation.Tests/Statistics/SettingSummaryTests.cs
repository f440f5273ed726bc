using NUnit.Framework;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;
using SoftThinking.Evaluation.Tests.Reporting;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class SettingSummaryTests
{
    private static readonly SampleResult Right = Example.Sample(true, "5", 20);
    private static readonly SampleResult Wrong = Example.Sample(false, "6", 40);

    [Test]
    public void AccuracyIsTheMeanOverItemsOfTheMeanOverSamples()
    {
        var setting = new SettingSummary("soft",
        [
            Example.Run("soft", 1, Example.Item(0, Right, Right, Right, Wrong), Example.Item(1, Wrong)),
        ]);
        Assert.That(setting.Accuracy.Value, Is.EqualTo(0.375));
        Assert.That(setting.Tokens.Value, Is.EqualTo(32.5));
        Assert.That(setting.ThinkingTokens.Value + setting.AnswerTokens.Value, Is.EqualTo(32.5));
    }

    [Test]
    public void SeedsOfAnItemAreJoined()
    {
        var setting = new SettingSummary("soft",
        [
            Example.Run("soft", 1, Example.Item(0, Right), Example.Item(7, Wrong)),
            Example.Run("soft", 2, Example.Item(0, Wrong), Example.Item(7, Wrong)),
        ]);
        Assert.That(setting.Items.Select(i => (i.Index, i.Correct, i.Samples.Count)), Is.EqualTo(new[] { (0, 1, 2), (7, 0, 2) }));
        Assert.That(setting.SamplesPerItem, Is.EqualTo(2));
        Assert.That(setting.SamplesPerRun, Is.EqualTo(1));
        Assert.That(setting.PassAt(2).Value, Is.EqualTo(0.5));
    }

    [Test]
    public void EachRunVotesOnItsOwn()
    {
        // Over both runs together the wrong answer has three votes of six; the first run alone is right.
        var setting = new SettingSummary("soft",
        [
            Example.Run("soft", 1, Example.Item(0, Right, Right, Wrong)), Example.Run("soft", 2, Example.Item(0, Wrong, Wrong, Right)),
        ]);
        Assert.That(setting.Majority().Value, Is.EqualTo(0.5));
    }

    [Test]
    public void UndecidedSamplesAreNotCorrectAndCountedApart()
    {
        SampleResult undecided = Wrong with { Verdict = new Verdict(Outcome.Undecided, "not.run") };
        SampleResult nonsense = Wrong with { ModelVerdict = new Verdict(Outcome.Undecided, "model.nonsense") };
        SampleResult rescued = Wrong with { ModelVerdict = new Verdict(Outcome.Correct, "model") };
        SampleResult none = Example.Sample(false, null);
        var setting = new SettingSummary("soft", [Example.Run("soft", 1, Example.Item(0, Right, Wrong, undecided, nonsense, rescued, none))]);
        SampleCounts counts = setting.Counts;
        Assert.That((counts.Correct, counts.Wrong, counts.NoAnswer, counts.Undecided), Is.EqualTo((2, 1, 1, 2)));
        Assert.That((counts.CorrectByModel, counts.AskedModel, counts.Samples), Is.EqualTo((1, 2, 6)));
        Assert.That(setting.Accuracy.Value, Is.EqualTo(2.0 / 6));
        Assert.That(setting.RuleAccuracy.Value, Is.EqualTo(1.0 / 6));
    }

    [Test]
    public void ThoughtsAreCountedByTheirEnd()
    {
        SampleResult[] samples =
        [
            Right with { ThinkingEnd = "model" }, Right with { ThinkingEnd = "cold_stop" }, Right with { ThinkingEnd = "budget" },
            Right with { ThinkingEnd = null, FinishReason = "length" }, Right with { ThinkingEnd = null, ThinkingTokens = 0 },
            Right with { FinishReason = "error", Error = "The endpoint does not answer." },
        ];
        SampleCounts counts = new SettingSummary("soft", [Example.Run("soft", 1, Example.Item(0, samples))]).Counts;
        Assert.That(
            (counts.EndedByModel, counts.ColdStops, counts.EndedByBudget, counts.NeverEnded, counts.NoThought, counts.CutOff, counts.Failed),
            Is.EqualTo((2, 1, 1, 1, 1, 1, 1)));
    }

    [Test]
    public void WhatNoSampleReportsIsUnknown()
    {
        var setting = new SettingSummary("soft", [Example.Run("soft", 1, Example.Item(0, Right))]);
        Assert.That(setting.Mixtures, Is.Null);
        Assert.That(setting.MeanEntropy, Is.Null);
    }

    [Test]
    public void GroupsHaveTheirOwnAccuracy()
    {
        ItemResult Item(int index, string terms, SampleResult sample) =>
            Example.Item(index, sample) with { Groups = new Dictionary<string, string> { ["terms"] = terms } };
        var setting = new SettingSummary("soft", [Example.Run("soft", 1, Item(0, "10", Right), Item(1, "9", Wrong), Item(2, "10", Wrong))]);
        Assert.That(GroupAccuracy.Names([setting]), Is.EqualTo(new[] { "terms" }));
        Assert.That(
            GroupAccuracy.Of(setting, "terms").Select(g => (g.Value, g.Items, g.Accuracy.Value)),
            Is.EqualTo(new[] { ("10", 2, 0.5), ("9", 1, 0.0) }));
        Assert.That(GroupAccuracy.Sort(["easy", "10", "9", "2.5", "NaN"]), Is.EqualTo(new[] { "2.5", "9", "10", "NaN", "easy" }));
    }
}
