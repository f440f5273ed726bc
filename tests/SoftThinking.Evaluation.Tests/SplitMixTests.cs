using NUnit.Framework;

namespace SoftThinking.Evaluation.Tests;

public class SplitMixTests
{
    [Test]
    public void EqualsThePublishedSequence()
    {
        var random = new SplitMix(1234567);
        Assert.That(
            new[] { random.Next(), random.Next(), random.Next() },
            Is.EqualTo(new ulong[] { 6457827717110365317, 3203168211198807973, 9817491932198370423 }));
    }

    [Test]
    public void IndexesAreEquallyFrequent()
    {
        var random = new SplitMix(1);
        int[] counts = new int[7];
        for (int i = 0; i < 70_000; i++)
            counts[random.NextIndex(counts.Length)]++;
        Assert.That(counts, Is.All.InRange(9_600, 10_400));
    }
}
