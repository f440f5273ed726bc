using NUnit.Framework;
using SoftThinking.Cache;
using SoftThinking.Scheduling;

namespace SoftThinking.Tests.Scheduling;

/// <summary>Recorded sequences under the scheduler.</summary>
public class ScoreTargetsTests
{
    [Test]
    public void TheLastPositionsAreScoredOnceAndNothingIsSampled()
    {
        Scheduler scheduler = new(new BlockPool(100), KvLayout.Whole, slots: 2, stepTokens: 16, reusesPrefixes: true);
        Sequence sequence = New(first: 29, steps: 21);
        scheduler.Add(sequence);
        StepPlan plan = new();
        List<int> scored = [];
        for (int step = 0; step < 10; step++)
        {
            scheduler.Plan(plan);
            foreach (PlannedRows part in plan.Parts)
            {
                Assert.That(part.Samples, Is.False);
                scored.AddRange(Enumerable.Range(part.First + part.Count - part.Scored, part.Scored));
                scheduler.StepRead(part);
            }
        }
        Assert.That(scored, Is.EqualTo(Enumerable.Range(29, 21)));
        Assert.That(scored.Select(sequence.Targets!.StepAt), Is.EqualTo(Enumerable.Range(0, 21)));
    }

    /// <summary>Blocks that are known are shared up to the first position that is scored, and no further.</summary>
    [TestCase(32, 32)]
    [TestCase(31, 16)]
    [TestCase(47, 32)]
    [TestCase(0, 0)]
    public void KnownPrefixesDoNotReplaceScoredPositions(int first, int shared)
    {
        Scheduler scheduler = new(new BlockPool(100), KvLayout.Whole, slots: 2, stepTokens: 100, reusesPrefixes: true);
        StepPlan plan = new();
        Sequence known = New(first: 0, steps: 64);
        scheduler.Add(known);
        scheduler.Plan(plan);
        Sequence sequence = New(first, steps: 64 - first);
        scheduler.Add(sequence);
        scheduler.Plan(plan);
        PlannedRows part = plan.Parts.ToArray().Single(part => part.Sequence == sequence);
        Assert.That((part.First, part.Count, part.Scored), Is.EqualTo((shared, 64 - shared, 64 - first)));
        Assert.That(sequence.CachedTokens, Is.EqualTo(shared));
    }

    /// <summary>After it released its blocks, a sequence goes on with what is left to score.</summary>
    [Test]
    public void APreemptedSequenceIsNotScoredAgain()
    {
        ScoreTargets targets = New(first: 29, steps: 21).Targets!;
        Assert.That(targets.Plan(0, 40), Is.EqualTo(11));
        Assert.That(targets.Plan(0, 35), Is.Zero, "computed again");
        Assert.That(targets.Plan(35, 10), Is.EqualTo(5));
        Assert.That(targets.Plan(45, 5), Is.EqualTo(5));
    }

    private static Sequence New(int first, int steps)
    {
        TokenHistory history = new(0, 0);
        for (int i = 0; i < first + steps; i++)
            history.Append(new ConceptToken(i));
        return new Sequence(history, first + steps + 1, priority: 0)
        {
            Targets = new ScoreTargets(first, new float[steps], [.. Enumerable.Range(1, steps)], new int[steps]),
        };
    }
}
