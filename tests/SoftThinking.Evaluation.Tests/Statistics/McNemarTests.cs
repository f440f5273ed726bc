using System.Numerics;
using NUnit.Framework;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class McNemarTests
{
    [TestCase(0, 0, 1.0)]
    [TestCase(3, 3, 1.0)]
    [TestCase(0, 5, 2.0 / 32)]
    [TestCase(1, 9, 2.0 * (1 + 10) / 1024)]
    [TestCase(2, 10, 2.0 * (1 + 12 + 66) / 4096)]
    public void EqualsValuesByHand(int first, int second, double expected)
    {
        Assert.That(McNemar.Exact(first, second), Is.EqualTo(expected));
        Assert.That(McNemar.Exact(second, first), Is.EqualTo(expected));
    }

    [Test]
    public void EqualsTheEnumerationOfTosses()
    {
        for (int n = 1; n <= 14; n++)
            for (int first = 0; first <= n; first++)
            {
                int distance = Math.Abs(2 * first - n);
                int extreme = Enumerable.Range(0, 1 << n).Count(t => Math.Abs(2 * BitOperations.PopCount((uint)t) - n) >= distance);
                Assert.That(McNemar.Exact(first, n - first), Is.EqualTo((double)extreme / (1 << n)).Within(1e-14), $"{first} of {n}");
            }
    }

    [Test]
    public void ThousandsOfItemsAreNoLimit()
    {
        Assert.That(McNemar.Exact(3000, 3000), Is.EqualTo(1.0));
        // The normal approximation with continuity correction: z = (|b - c| - 1) / sqrt(b + c) = 3.27.
        Assert.That(McNemar.Exact(1800, 2000), Is.EqualTo(0.0012).Within(0.0001));
        Assert.That(McNemar.Exact(0, 2000), Is.EqualTo(0.0).And.AtLeast(0.0));
    }

    [Test]
    public void NegativeCountsAreRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => McNemar.Exact(-1, 2));
}
