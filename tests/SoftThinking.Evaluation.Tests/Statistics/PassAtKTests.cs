using System.Numerics;
using NUnit.Framework;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class PassAtKTests
{
    [Test]
    public void EqualsTheShareOfSubsetsWithACorrectSample()
    {
        for (int n = 1; n <= 9; n++)
            for (int c = 0; c <= n; c++)
                for (int k = 1; k <= n; k++)
                    Assert.That(PassAtK.Unbiased(n, c, k), Is.EqualTo(Enumerated(n, c, k)).Within(1e-12), $"{n} {c} {k}");
    }

    [Test]
    public void ManySamplesDoNotOverflow() =>
        Assert.That(PassAtK.Unbiased(10_000, 1, 5_000), Is.EqualTo(0.5).Within(1e-9));

    [Test]
    public void CertaintyIsExact()
    {
        Assert.That(PassAtK.Unbiased(8, 0, 4), Is.EqualTo(0.0));
        Assert.That(PassAtK.Unbiased(8, 5, 4), Is.EqualTo(1.0));
    }

    [TestCase(4, 2, 0)]
    [TestCase(4, 2, 5)]
    [TestCase(4, 5, 2)]
    [TestCase(4, -1, 2)]
    public void ImpossibleCountsAreRefused(int n, int c, int k) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PassAtK.Unbiased(n, c, k));

    [Test]
    public void TheLadderDoubles()
    {
        Assert.That(PassAtK.Ladder(24), Is.EqualTo(new[] { 2, 4, 8, 16 }));
        Assert.That(PassAtK.Ladder(1), Is.Empty);
    }

    /// <summary>Every subset of k samples, of which the first c are correct.</summary>
    private static double Enumerated(int n, int c, int k)
    {
        int[] subsets = [.. Enumerable.Range(0, 1 << n).Where(s => BitOperations.PopCount((uint)s) == k)];
        return (double)subsets.Count(s => (s & ((1 << c) - 1)) != 0) / subsets.Length;
    }
}
