using NUnit.Framework;
using SoftThinking.Cache;
using SoftThinking.Scheduling;

namespace SoftThinking.Tests.Scheduling;

public class KvLayoutTests
{
    [Test]
    public void LayersWithTheSameWindowShareGroupsOfOneSize()
    {
        KvLayout layout = KvLayout.OfWindows([8, 8, 8, null, 8, 8, 8, null, 8]);
        Assert.That(layout.LayersPerBlock, Is.EqualTo(2));
        Assert.That(layout.Windows, Is.EqualTo(new int?[] { 8, 8, 8, 8, null }));
        Assert.That(layout.Layers, Is.EqualTo(new LayerPlace[] { new(0, 0), new(0, 1), new(1, 0), new(4, 0), new(1, 1), new(2, 0), new(2, 1), new(4, 1), new(3, 0) }));
        Assert.That(KvLayout.OfWindows([null, null, null]).Layers, Is.EqualTo(new LayerPlace[] { new(0, 0), new(0, 1), new(0, 2) }));
    }

    /// <summary>Row by row, wherever the steps are cut: the bound is kept, and some cut reaches it.</summary>
    [Test]
    public void HeldBlocksAreThoseThatSomeRowSees([Values(1, 2, 15, 16, 17, 33)] int window, [Values(1, 5, 16, 40)] int stepRows)
    {
        KvLayout layout = KvLayout.OfWindows([window]);
        for (int positions = 1; positions < 150; positions++)
        {
            int most = 0;
            for (int first = 0; first < positions; first++)
            {
                int end = Math.Min(positions, first + stepRows);
                most = Math.Max(most, KvCache.BlocksFor(end) - layout.FirstSeen(0, first - 1)); // the scheduler keeps one more
            }
            Assert.That(layout.BlocksHeld(positions, stepRows), Is.GreaterThanOrEqualTo(most));
            if (positions > window + stepRows + 16)
                Assert.That(layout.BlocksHeld(positions, stepRows), Is.EqualTo(most), $"{positions} positions");
        }
    }

    [Test]
    public void TheContextIsTheLongestThatFits([Values(1, 20)] int stepRows)
    {
        foreach (int?[] windows in new int?[][] { [null], [20], [null, 20], [20, 1, null, 20] })
        {
            KvLayout layout = KvLayout.OfWindows(windows);
            for (int blocks = 1; blocks < 60; blocks++)
            {
                int expected = Enumerable.Range(0, 301).Last(positions => layout.BlocksHeld(positions, stepRows) <= blocks);
                Assert.That(layout.ContextOf(blocks, 300, stepRows), Is.EqualTo(expected), $"{blocks} blocks");
            }
        }
    }

    /// <summary>Of a prefix of which the start is gone, a sequence finds what its windows see; and its block table has only that.</summary>
    [Test]
    public void APrefixIsFoundWithoutWhatHasLeftTheWindow()
    {
        BlockPool pool = new(8);
        Scheduler scheduler = new(pool, KvLayout.OfWindows([20]), slots: 1, stepTokens: 16, reusesPrefixes: true);
        Sequence first = Finish(scheduler, 100);
        int[] held = [first.Tables[0].First, first.Tables[0].Count];
        Assert.That(held, Is.EqualTo(new[] { (100 - 1 - 20) / 16, 7 }));
        scheduler.End(first);
        for (int i = 0; i < 3; i++)
            pool.Allocate(); // the oldest of the prefix
        Sequence second = Finish(scheduler, 100);
        Assert.That(second.CachedTokens, Is.EqualTo(96));
        Assert.That(second.Tables[0].First, Is.EqualTo((96 - 20 + 1) / 16));
    }

    // All steps of a prompt.
    private static Sequence Finish(Scheduler scheduler, int positions)
    {
        TokenHistory history = new(0, 0);
        for (int i = 0; i < positions; i++)
            history.Append(new ConceptToken(i));
        Sequence sequence = new(history, positions + 10, priority: 0);
        scheduler.Add(sequence);
        StepPlan plan = new();
        do
        {
            scheduler.Plan(plan);
            foreach (PlannedRows part in plan.Parts)
                scheduler.StepRead(part);
        }
        while (plan.Sampled == 0);
        return sequence;
    }
}
