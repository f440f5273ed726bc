using NUnit.Framework;
using SoftThinking.Evaluation.Reporting;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;
using SoftThinking.Evaluation.Tests.Reporting;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class ComparisonTests
{
    [Test]
    public void SingleSamplesAreComparedByMcNemar()
    {
        // Only soft is right on ten items, only cot on two, both on thirty.
        Comparison comparison = Single(Setting("soft", i => i < 10 || i >= 12), Setting("cot", i => i >= 10));
        Assert.That(comparison.Test, Is.EqualTo(PairedTest.McNemar));
        Assert.That((comparison.FirstBetter, comparison.SecondBetter), Is.EqualTo((10, 2)));
        Assert.That(comparison.Accuracy.PValue, Is.EqualTo(McNemar.Exact(10, 2)));
        Assert.That(comparison.Accuracy.Estimate.Value, Is.EqualTo(8.0 / 42).Within(1e-12));
        Assert.That(Conclusions.Accuracy(comparison), Is.EqualTo(
            "soft is 19.0 points above cot (95% interval 4.8 to 33.3; p = 0.039, exact McNemar test; 42 items × 1 seed). " +
            "It may be concluded that soft is more accurate than cot on items of this kind."));
    }

    [Test]
    public void SeveralSeedsAreComparedByPermutation()
    {
        SettingSummary soft = Setting("soft", i => i % 2 == 0, seeds: 3);
        Comparison comparison = Single(soft, Setting("cot", i => i % 2 == 0 || i < 5, seeds: 3));
        Assert.That(comparison.Test, Is.EqualTo(PairedTest.SignFlip));
        Assert.That(comparison.Accuracy.PValue, Is.EqualTo(0.5), "two items differ: 2 of 4 combinations of signs are as extreme");
        Assert.That(Conclusions.Accuracy(comparison), Does.StartWith("cot is 4.8 points above soft (95% interval 0.0 to ")
            .And.Contain("p = 0.50, paired permutation test; 42 items × 3 seeds). No difference in accuracy can be concluded; " +
                "a difference of more than 11.9 points can be excluded."));
    }

    [Test]
    public void EqualSettingsExcludeADifferenceOnly()
    {
        Comparison comparison = Single(Setting("soft", _ => true), Setting("cot", _ => true));
        Assert.That(comparison.Accuracy.PValue, Is.EqualTo(1.0));
        Assert.That(Conclusions.Accuracy(comparison), Is.EqualTo(
            "soft and cot are equally accurate (95% interval −8.4 to 8.4; p = 1.00, exact McNemar test; 42 items × 1 seed). " +
            "No difference in accuracy can be concluded; a difference of more than 8.4 points can be excluded."));
        Assert.That(Conclusions.Tokens(comparison), Does.StartWith("soft and cot need equally many tokens on average"));
        Assert.That(Conclusions.Overall([comparison]), Is.EqualTo("All settings produced the same samples."));
        IReadOnlyList<Comparison> three = Comparison.All([Setting("a", i => i < 20), Setting("b", i => i < 21), Setting("c", i => i < 22)]);
        Assert.That(Conclusions.Overall(three), Is.EqualTo(
            "No setting can be said to be more accurate than another; in every comparison, " +
            "a difference of more than 11.9 points can be excluded."));
    }

    [Test]
    public void OnlyCommonItemsAreCompared()
    {
        SettingSummary soft = Summary("soft", Example.Item(0, Sample(true)), Example.Item(1, Sample(true)), Example.Item(2, Sample(true)));
        SettingSummary cot = Summary("cot", Example.Item(1, Sample(false)), Example.Item(2, Sample(true)), Example.Item(3, Sample(true)));
        Comparison comparison = Single(soft, cot);
        Assert.That((comparison.Items, comparison.LeftOut), Is.EqualTo((2, 2)));
        Assert.That(comparison.Accuracy.Estimate.Value, Is.EqualTo(0.5));
        Assert.That(Conclusions.Accuracy(comparison), Does.EndWith(
            " 2 items that only one of them answered are left out. With so few items the interval is rough."));
        Assert.That(Comparison.All([soft, Summary("other", Example.Item(9, Sample(true)))]), Is.Empty);
    }

    [Test]
    public void TokensAreComparedItemByItem()
    {
        // Items differ by thousands of tokens, the settings by ten on each: pairing sees it.
        SettingSummary Of(string name, int more) => Summary(
            name, [.. Enumerable.Range(0, 40).Select(i => Example.Item(i, Example.Sample(true, "5", 100 + 500 * i + more + i % 3)))]);
        Comparison comparison = Single(Of("soft", 0), Of("cot", 10));
        Assert.That(comparison.Tokens.Estimate, Is.EqualTo(new Estimate(-10, new Interval(-10, -10))));
        Assert.That(Conclusions.Tokens(comparison), Is.EqualTo(
            "cot needs 10.0 more tokens than soft on average (95% interval 10.0 to 10.0; p < 0.001)."));
    }

    [Test]
    public void EveryPairIsComparedAndCorrected()
    {
        IReadOnlyList<Comparison> pairs = Comparison.All(
            [Setting("a", i => i < 30), Setting("b", i => i < 20), Setting("c", i => i < 22)]);
        Assert.That(pairs.Select(p => p.First.Name + p.Second.Name), Is.EqualTo(new[] { "ab", "ac", "bc" }));
        Assert.That(
            pairs.Select(p => p.Accuracy.CorrectedPValue),
            Is.EqualTo(Holm.Correct([McNemar.Exact(10, 0), McNemar.Exact(8, 0), McNemar.Exact(0, 2)])));
        Assert.That(Conclusions.Overall(pairs), Is.EqualTo(
            "a is more accurate than b (by 23.8 points) and c (by 19.0 points). No other difference in accuracy can be concluded."));
        Assert.That(Conclusions.Accuracy(pairs[2]), Does.StartWith("c is 4.8 points above b").And.Contain("corrected p = 0.50"));
    }

    [Test]
    public void SettingsWithTheSameSamplesAreDescribedOnce()
    {
        IReadOnlyList<Comparison> pairs = Comparison.All(
            [Setting("a", i => i < 30), Setting("b", i => i < 20), Setting("a2", i => i < 30), Setting("a3", i => i < 30)]);
        Assert.That(Conclusions.Same(pairs), Is.EqualTo(new[] { "a, a2 and a3 produced the same samples; a stands for all of them here." }));
        Assert.That(Conclusions.Distinct(pairs), Is.EqualTo(new[] { pairs[0] }));
        Assert.That(Conclusions.Overall(pairs), Is.EqualTo("a is more accurate than b (by 23.8 points)."));
        IReadOnlyList<Comparison> same = Comparison.All([Setting("a", i => i < 30), Setting("b", i => i < 30)]);
        Assert.That(Conclusions.Overall(same), Is.EqualTo("All settings produced the same samples."));
    }

    [Test]
    public void SamplesOfOtherItemsOrTextsAreNotTheSame()
    {
        SettingSummary one = Summary("a", Example.Item(0, Sample(true)));
        Assert.That(one.HasSamplesOf(Summary("b", Example.Item(0, Sample(true)))), Is.True);
        Assert.That(one.HasSamplesOf(Summary("b", Example.Item(1, Sample(true)))), Is.False);
        Assert.That(one.HasSamplesOf(Summary("b", Example.Item(0, Sample(true), Sample(true)))), Is.False);
        Assert.That(one.HasSamplesOf(Summary("b", Example.Item(0, Sample(true) with { Answer = "5" }))), Is.False);
    }

    [Test]
    public void TheSettingWithTheFewestTokensIsNamed()
    {
        SettingSummary Of(string name, int tokens) => Summary(
            name, [.. Enumerable.Range(0, 40).Select(i => Example.Item(i, Example.Sample(true, "5", tokens + i % 3)))]);
        Assert.That(Conclusions.Overall(Comparison.All([Of("soft", 100), Of("cot", 110), Of("greedy", 120)])),
            Does.StartWith("No setting can be said to be more accurate").And.EndWith(" soft needs the fewest tokens: 101 on average."));
    }

    [Test]
    public void UndecidedSamplesAreMentioned()
    {
        SampleResult undecided = Sample(false) with { Verdict = new Verdict(Outcome.Undecided, "not.run") };
        SettingSummary soft = Summary("soft", [.. Enumerable.Range(0, 40).Select(i => Example.Item(i, undecided))]);
        Assert.That(Conclusions.Accuracy(Single(soft, Setting("cot", _ => false))), Does.EndWith(
            " Undecided and counted as not correct: 40 samples of soft, 0 of cot. 2 items that only one of them answered are left out."));
    }

    [Test]
    public void OneSettingHasNothingToConclude() => Assert.That(Conclusions.Overall(Comparison.All([Setting("soft", _ => true)])), Is.Null);

    private static Comparison Single(SettingSummary first, SettingSummary second) => Comparison.All([first, second]).Single();

    private static SampleResult Sample(bool correct) => Example.Sample(correct);

    private static SettingSummary Summary(string name, params ItemResult[] items) => new(name, [Example.Run(name, 0, items)]);

    private static SettingSummary Setting(string name, Func<int, bool> correct, int seeds = 1) => new(name,
    [
        .. Enumerable.Range(0, seeds).Select(s =>
            Example.Run(name, (ulong)s, [.. Enumerable.Range(0, 42).Select(i => Example.Item(i, Sample(correct(i))))])),
    ]);
}
