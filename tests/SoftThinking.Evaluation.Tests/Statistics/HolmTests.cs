using NUnit.Framework;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Tests.Statistics;

public class HolmTests
{
    [Test]
    public void EqualsTheExampleByHand() => Assert.That(
        Holm.Correct([0.01, 0.04, 0.03, 0.005]), Is.EqualTo(new[] { 0.03, 0.06, 0.06, 0.02 }).Within(1e-15));

    [Test]
    public void IsAtMostOneAndKeepsTheOrder() =>
        Assert.That(Holm.Correct([0.9, 0.5, 0.4]), Is.EqualTo(new[] { 1.0, 1.0, 1.0 }));

    [Test]
    public void OneComparisonNeedsNoCorrection()
    {
        Assert.That(Holm.Correct([0.2]), Is.EqualTo(new[] { 0.2 }));
        Assert.That(Holm.Correct([]), Is.Empty);
    }
}
