using NUnit.Framework;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class SignFlipTestTests
{
    private static readonly double[][] Cases =
    [
        [1],
        [0.25, -0.5, 1, 0.75],
        [0.1, 0.2, 0.3, 0.4, 0.5],
        [-1, 1.0 / 3, 2.0 / 3, 0, 0, -1.0 / 3, 1],
        [12, -7, 3.5, 0, 110, -20, 4, 4, -4],
    ];

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheEnumerationOfSigns(double[] differences)
    {
        double observed = Math.Abs(differences.Sum());
        int extreme = 0;
        for (int signs = 0; signs < 1 << differences.Length; signs++)
        {
            double sum = differences.Select((d, i) => (signs >> i & 1) == 0 ? d : -d).Sum();
            if (Math.Abs(sum) >= observed - 1e-9)
                extreme++;
        }
        Assert.That(SignFlipTest.PValue(differences), Is.EqualTo((double)extreme / (1 << differences.Length)).Within(1e-15));
    }

    [Test]
    public void EqualsMcNemarForSingleSamples()
    {
        for (int worse = 0; worse <= 12; worse++)
            Assert.That(SignFlipTest.PValue(Signs(12 - worse, worse)), Is.EqualTo(McNemar.Exact(12 - worse, worse)).Within(1e-15));
    }

    [TestCase(40, 25)]
    [TestCase(60, 30)]
    public void DrawsApproachTheExactValue(int better, int worse)
    {
        double exact = McNemar.Exact(better, worse);
        double deviation = Math.Sqrt(exact * (1 - exact) / SignFlipTest.Draws);
        Assert.That(SignFlipTest.PValue(Signs(better, worse)), Is.EqualTo(exact).Within(4 * deviation));
    }

    [Test]
    public void NoDifferenceAtAllIsNoEvidence()
    {
        Assert.That(SignFlipTest.PValue([0, 0, 0]), Is.EqualTo(1.0));
        Assert.That(SignFlipTest.PValue([]), Is.EqualTo(1.0));
    }

    [Test]
    public void DrawsNeverClaimCertainty() =>
        Assert.That(SignFlipTest.PValue(Signs(500, 0)), Is.EqualTo(1.0 / (SignFlipTest.Draws + 1)));

    [Test]
    public void DrawsAreTheSameEveryTime()
    {
        double first = SignFlipTest.PValue(Signs(30, 21));
        double second = SignFlipTest.PValue(Signs(30, 21));
        Assert.That(second, Is.EqualTo(first));
    }

    private static double[] Signs(int better, int worse) => [.. Enumerable.Repeat(1.0, better), .. Enumerable.Repeat(-1.0, worse), 0, 0];
}
