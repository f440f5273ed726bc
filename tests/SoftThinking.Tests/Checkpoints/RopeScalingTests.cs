using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>What the golden checkpoints do not reach: limits of YaRN's ramp, and the long factors of LongRoPE.</summary>
public class RopeScalingTests
{
    private static readonly double[] Ones = [1, 1, 1, 1, 1, 1, 1, 1];

    [Test]
    public void YarnBeginsItsRampAtTheFirstPair()
    {
        // 40 positions are fewer than 32 turns of any pair: the ramp would begin below 0. It ends at 8 ln(40 / 2 pi) / ln 10 = 6.43, rounded up.
        double[] scaled = new YarnRopeScaling(4, 40, 32, 1, Truncates: true, 1).Apply(Ones, theta: 10);
        for (int i = 0; i < scaled.Length; i++)
            Assert.That(scaled[i], Is.EqualTo(1 - 0.75 * Math.Min(i / 7.0, 1)).Within(1e-12), $"pair {i}");
    }

    [Test]
    public void YarnEndsItsRampAtTheLastElement()
    {
        // A head of 16 rotated elements: the ramp would end at 8 ln(2000 / 2 pi) / ln 2 = 66.5, and begins at 0 with as many turns as 2000 / 2 pi.
        double[] scaled = new YarnRopeScaling(4, 2000, 2000 / (2 * Math.PI), 1, Truncates: false, 1).Apply(Ones, theta: 2);
        for (int i = 0; i < scaled.Length; i++)
            Assert.That(scaled[i], Is.EqualTo(1 - 0.75 * (i / 15.0)).Within(1e-12), $"pair {i}");
    }

    [Test]
    public void YarnWithoutARampCutsBetweenPairs()
    {
        // Both limits are at 8 ln(100 / (4 pi)) / ln 100 = 3.60.
        double[] scaled = new YarnRopeScaling(4, 100, 2, 2, Truncates: false, 1).Apply(Ones, theta: 100);
        Assert.That(scaled, Is.EqualTo(new[] { 1, 1, 1, 1, 0.25, 0.25, 0.25, 0.25 }).Within(1e-12));
    }

    [Test]
    public void LongRopeChoosesItsFactorsByTheContext()
    {
        RopeScaling scaling = new LongRopeScaling([2, 4], [5, 10], 16, 1.5, IsLong: false);
        Assert.That(scaling.ForContext(16).Apply([1, 1], 10), Is.EqualTo(new[] { 0.5, 0.25 }));
        Assert.That(scaling.ForContext(17).Apply([1, 1], 10), Is.EqualTo(new[] { 0.2, 0.1 }));
        Assert.That(scaling.ForContext(17).Magnitude, Is.EqualTo(1.5));
        Assert.That(LongRopeScaling.Recommend(131072, 4096), Is.EqualTo(Math.Sqrt(1 + Math.Log(32) / Math.Log(4096))).Within(1e-12));
    }
}
