using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>The concept token as a value.</summary>
public class ConceptTokenTests
{
    [Test]
    public void EqualTokensAreEqual()
    {
        ConceptToken plain = new(5), again = new(5), other = new(6);
        Assert.That(plain, Is.EqualTo(again));
        Assert.That(plain == again && plain != other);
        Assert.That(new ConceptToken(5, new ConceptEntry(5, 1)), Is.EqualTo(plain), "a plain token, spelled out");
        ConceptToken mixture = new(5, new(5, 0.75f), new(7, 0.25f)), same = new(5, new(5, 0.75f), new(7, 0.25f));
        Assert.That(mixture, Is.EqualTo(same));
        Assert.That(mixture.GetHashCode(), Is.EqualTo(same.GetHashCode()));
        Assert.That(mixture, Is.Not.EqualTo(new ConceptToken(5, new(7, 0.25f), new(5, 0.75f))), "the order is part of it");
        Assert.That(mixture, Is.Not.EqualTo(new ConceptToken(7, new(5, 0.75f), new(7, 0.25f))), "so is the emitted token");
        Assert.That(mixture, Is.Not.EqualTo(new ConceptToken(5)));
    }

    [Test]
    public void TheDefaultIsThePlainTokenZero()
    {
        ConceptToken token = default;
        Assert.That((token.Token, token.IsPlain, token.Count), Is.EqualTo((0, true, 1)));
        Assert.That(token.Entries, Is.EqualTo(new[] { new ConceptEntry(0, 1) }));
        Assert.That(token, Is.EqualTo(new ConceptToken(0)));
    }

    [Test]
    public void EntriesMayBeInAnyOrderAndRepeatIds()
    {
        ConceptToken token = new(9, new(3, 0.25f), new(4, 0.5f), new(3, 0.25f), new(8, 0));
        Assert.That(token.Token, Is.EqualTo(9), "the emitted token need not be an entry");
        Assert.That(token.Entries.Select(entry => entry.Id), Is.EqualTo(new[] { 3, 4, 3, 8 }));
    }

    [Test]
    public void WeightsAreNormalizedUnlessTheyAreAlready()
    {
        float third = 1f / 3;
        Assert.That(new ConceptToken(1, new(1, third), new(2, third), new(3, third)).Entries[0].Weight, Is.EqualTo(third), "kept bit for bit");
        ConceptToken close = new(1, new(1, 0.5f), new(2, 0.5005f));
        Assert.That(close.Entries.Sum(entry => (double)entry.Weight), Is.EqualTo(1).Within(1e-6));
    }

    [Test]
    public void BadEntriesAreRefused()
    {
        void Refused(string message, params ConceptEntry[] entries) =>
            Assert.That(() => new ConceptToken(1, entries), Throws.ArgumentException.With.Message.Contains(message));
        Refused("1 to 1024 entries, not 0");
        Refused("1 to 1024 entries, not 1025", [.. Enumerable.Range(0, 1025).Select(i => new ConceptEntry(i, 1f / 1025))]);
        Refused("the weight of id 3 is NaN", new ConceptEntry(3, float.NaN));
        Refused("weights are finite and 0 or more", new ConceptEntry(1, -0.5f), new ConceptEntry(2, 1.5f));
        Refused("weights are finite and 0 or more", new ConceptEntry(1, float.PositiveInfinity));
        Refused("the weights sum to 0.5", new ConceptEntry(1, 0.5f));
        Refused("entry id -1 is negative", new ConceptEntry(-1, 1));
        Assert.That(() => new ConceptToken(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void TextIsReadable()
    {
        Assert.That(new ConceptToken(7).ToString(), Is.EqualTo("7"));
        Assert.That(new ConceptToken(7, new(7, 0.75f), new(12, 0.25f)).ToString(), Is.EqualTo("7 {7: 0.75, 12: 0.25}"));
    }
}
