using NUnit.Framework;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class BootstrapTests
{
    [Test]
    public void AgreesWithTheNormalApproximationForManyItems()
    {
        double[] items = [.. Enumerable.Range(0, 400).Select(i => i % 4 == 0 ? 0.0 : 1.0)];
        Estimate estimate = Bootstrap.Share(items);
        double half = 1.96 * Math.Sqrt(0.75 * 0.25 / 400);
        Assert.That(estimate.Value, Is.EqualTo(0.75));
        Assert.That(estimate.Interval.Low, Is.EqualTo(0.75 - half).Within(0.004));
        Assert.That(estimate.Interval.High, Is.EqualTo(0.75 + half).Within(0.004));
    }

    [Test]
    public void RepeatsOfAnItemDoNotNarrowTheInterval()
    {
        // Three equal samples of each item say no more than one: the item's mean is what is resampled.
        double[] items = [.. Enumerable.Range(0, 50).Select(i => i % 2 == 0 ? 1.0 : 0.0)];
        Interval interval = Bootstrap.Share(items).Interval;
        Assert.That(interval.High - interval.Low, Is.EqualTo(2 * 1.96 * Math.Sqrt(0.25 / 50)).Within(0.03));
    }

    [Test]
    public void TheSameItemsHaveTheSameInterval()
    {
        double[] items = [.. Enumerable.Range(0, 31).Select(i => i * i % 17 / 17.0)];
        Assert.That(Bootstrap.Mean(items), Is.EqualTo(Bootstrap.Mean([.. items])));
    }

    [Test]
    public void AgreementOfAllItemsIsNotCertainty()
    {
        // Clopper-Pearson for 20 of 20: the lower end is 0.025^(1/20).
        double end = Math.Pow(0.025, 1.0 / 20);
        Interval right = Bootstrap.Share([.. Enumerable.Repeat(1.0, 20)]).Interval;
        Interval wrong = Bootstrap.Share([.. Enumerable.Repeat(0.0, 20)]).Interval;
        Interval same = Bootstrap.ShareDifference([.. Enumerable.Repeat(0.0, 20)]).Interval;
        Assert.That(right.Low, Is.EqualTo(end).Within(1e-12));
        Assert.That(right.High, Is.EqualTo(1.0));
        Assert.That(wrong.High, Is.EqualTo(1 - end).Within(1e-12));
        Assert.That(same.Low, Is.EqualTo(end - 1).Within(1e-12));
        Assert.That(same.High, Is.EqualTo(1 - end).Within(1e-12));
    }

    [Test]
    public void NoItemsHaveNoMean() => Assert.That(Bootstrap.Mean([]).Value, Is.NaN);

    [Test]
    [Category("Slow")]
    public void CoversTheTrueValueAboutAsOftenAsItSays()
    {
        // Items of different difficulty with three samples each; the true accuracy is the mean difficulty, 0.5.
        const int Trials = 400, Items = 120;
        var random = new Random(5);
        int covered = 0;
        for (int trial = 0; trial < Trials; trial++)
        {
            double[] items = new double[Items];
            for (int i = 0; i < Items; i++)
            {
                double chance = random.NextDouble();
                items[i] = Enumerable.Range(0, 3).Count(_ => random.NextDouble() < chance) / 3.0;
            }
            Interval interval = Bootstrap.Share(items).Interval;
            if (interval.Low <= 0.5 && 0.5 <= interval.High)
                covered++;
        }
        // 95 % of 400 is 380, with a standard deviation of 4.4.
        Assert.That(covered, Is.InRange(364, 396));
    }
}
