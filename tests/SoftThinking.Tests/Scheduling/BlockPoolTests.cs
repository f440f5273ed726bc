using NUnit.Framework;
using SoftThinking.Cache;

namespace SoftThinking.Tests.Scheduling;

public class BlockPoolTests
{
    [Test]
    public void BlocksComeAndGo()
    {
        BlockPool pool = new(3);
        int[] taken = [pool.Allocate(), pool.Allocate(), pool.Allocate()];
        Assert.That(taken.Order(), Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(pool.Available, Is.Zero);
        Assert.That(() => pool.Allocate(), Throws.InvalidOperationException);
        pool.Retain(taken[1]);
        foreach (int block in taken)
            pool.Release(block);
        Assert.That(pool.Available, Is.EqualTo(2));
        pool.Release(taken[1]);
        Assert.That(pool.Available, Is.EqualTo(3));
        Assert.That(() => pool.Release(taken[1]), Throws.InvalidOperationException);
    }

    [Test]
    public void RegisteredBlocksAreFoundUntilTheyAreNeeded()
    {
        BlockPool pool = new(3);
        int[] taken = [pool.Allocate(), pool.Allocate(), pool.Allocate()];
        for (int i = 0; i < 3; i++)
            pool.Register(taken[i], Content(i));
        pool.Release(taken[1]);
        pool.Release(taken[0]);
        Assert.That(pool.TryFind(Content(1), out int found) && found == taken[1]);
        pool.Retain(taken[0]); // found again: not the oldest any more
        pool.Release(taken[0]);
        Assert.That(pool.Allocate(), Is.EqualTo(taken[1]), "the one that was left longest ago");
        Assert.That(pool.TryFind(Content(1), out _), Is.False);
        Assert.That(pool.TryFind(Content(0), out _));
        Assert.That(pool.TryFind(Content(2), out _), "in use");
    }

    [Test]
    public void EmptyBlocksGoBeforeThoseThatHoldSomething()
    {
        BlockPool pool = new(4);
        int[] taken = [pool.Allocate(), pool.Allocate(), pool.Allocate(), pool.Allocate()];
        pool.Register(taken[0], Content(0));
        foreach (int block in taken)
            pool.Release(block);
        for (int i = 0; i < 3; i++)
            Assert.That(pool.Allocate(), Is.Not.EqualTo(taken[0]));
        Assert.That(pool.Allocate(), Is.EqualTo(taken[0]));
    }

    [Test]
    public void TheFirstBlockOfAPrefixStays()
    {
        BlockPool pool = new(2);
        int first = pool.Allocate(), second = pool.Allocate();
        pool.Register(first, Content(7));
        pool.Register(second, Content(7));
        Assert.That(pool.TryFind(Content(7), out int found) && found == first);
        pool.Release(second);
        pool.Release(first);
        pool.Allocate(); // the second, which nobody can find
        Assert.That(pool.TryFind(Content(7), out _));
    }

    [Test]
    public void TheSamePrefixInAnotherGroupIsAnotherContent()
    {
        BlockPool pool = new(3);
        int[] taken = [pool.Allocate(), pool.Allocate()];
        for (int group = 0; group < 2; group++)
            pool.Register(taken[group], new(Hash(5), group));
        for (int group = 0; group < 2; group++)
            Assert.That(pool.TryFind(new(Hash(5), group), out int found) && found == taken[group]);
        Assert.That(pool.TryFind(new(Hash(5), 2), out _), Is.False);
    }

    [Test]
    public void HashesDifferForMixturesPositionsAndPrefixes()
    {
        PrefixHasher hasher = new();
        int[] plain = [.. Enumerable.Range(1, 16)];
        HashSet<PrefixHash> hashes = [];
        hashes.Add(hasher.Extend(default, History(plain.Select(id => new ConceptToken(id))), 0));
        hashes.Add(hasher.Extend(default, History(plain.Reverse().Select(id => new ConceptToken(id))), 0));
        hashes.Add(hasher.Extend(default, History(plain.Select(id => new ConceptToken(id, new(id, 0.75f), new(99, 0.25f)))), 0));
        hashes.Add(hasher.Extend(default, History(plain.Select(id => new ConceptToken(id, new(id, 0.5f), new(99, 0.5f)))), 0));
        hashes.Add(hasher.Extend(default, History(plain.Select(id => new ConceptToken(id, new(id, 0.5f), new(98, 0.5f)))), 0));
        hashes.Add(hasher.Extend(Hash(1), History(plain.Select(id => new ConceptToken(id))), 0));
        TokenHistory twice = History(plain.Concat(plain).Select(id => new ConceptToken(id)));
        Assert.That(hashes.Add(hasher.Extend(default, twice, 16)), Is.False, "the same block after the same parent");
        TokenHistory emitting = History(plain.Select(id => new ConceptToken(7, new ConceptEntry(id, 1))));
        Assert.That(hashes.Add(hasher.Extend(default, emitting, 0)), Is.False, "keys and values do not depend on the emitted token");
        Assert.That(hashes, Has.Count.EqualTo(6));
    }

    private static BlockContent Content(int value) => new(Hash(value), 0);

    private static PrefixHash Hash(int value) => new((UInt128)(value + 1), 0);

    private static TokenHistory History(IEnumerable<ConceptToken> tokens)
    {
        TokenHistory history = new(0, 0);
        foreach (ConceptToken token in tokens)
            history.Append(token);
        return history;
    }
}
