using NUnit.Framework;
using SoftThinking.Cache;
using SoftThinking.Scheduling;

namespace SoftThinking.Tests.Scheduling;

/// <summary>Probes under the scheduler.</summary>
public class ProbeTests
{
    private readonly StepPlan _plan = new();

    /// <summary>One of the rows of a probe is the thought that it follows; the sequence goes on with that thought.</summary>
    [Test]
    public void AProbeAfterAThoughtStandsBehindTheSequence()
    {
        Scheduler scheduler = new(new BlockPool(100), KvLayout.Whole, slots: 1, stepTokens: 64, reusesPrefixes: false);
        Sequence sequence = Add(scheduler, prompt: 10, maxLength: 40);
        Read(scheduler, Plan(scheduler));
        scheduler.Await(sequence, ProbeKind.Eat, [7, 8]);

        PlannedRows probe = Plan(scheduler).Single();
        Assert.That((probe.First, probe.Count, probe.Samples, probe.Probes), Is.EqualTo((10, 3, false, true)));
        Assert.That(Enumerable.Range(10, 3).Select(probe.ProbeIdAt), Is.EqualTo(new int?[] { null, 7, 8 }));
        Assert.That(Plan(scheduler), Is.Empty, "it waits for its result");
        Read(scheduler, [probe]);
        sequence.Probe = null;
        PlannedRows next = Plan(scheduler).Single();
        Assert.That((next.First, next.Count, next.Samples, next.LastFromSlot), Is.EqualTo((10, 1, true, true)));
    }

    /// <summary>The answer's tokens are rows before the host knows them, one ahead of it.</summary>
    [Test]
    public void AnAnswerIsPlannedWithoutItsToken()
    {
        Scheduler scheduler = new(new BlockPool(100), KvLayout.Whole, slots: 1, stepTokens: 64, reusesPrefixes: false);
        Sequence sequence = Add(scheduler, prompt: 10, maxLength: 40);
        Read(scheduler, Plan(scheduler), appends: false); // the token is held back
        scheduler.Await(sequence, ProbeKind.Deer, [7, 8]);

        PlannedRows text = Plan(scheduler).Single(), answer = Plan(scheduler).Single();
        Assert.That((text.First, text.Count, text.Probes), Is.EqualTo((10, 2, true)));
        Assert.That((answer.First, answer.Count, answer.Probes, answer.IsAnswer(12)), Is.EqualTo((12, 1, true, true)));
        Assert.That(Plan(scheduler), Is.Empty, "one ahead of the host, no more");
        Read(scheduler, [text]);
        sequence.Probe!.Answer(9);
        Assert.That(Plan(scheduler).Single().First, Is.EqualTo(13));
    }

    /// <summary>A sequence whose last token is in flight gives up its blocks; if that token has to be probed, it needs them again, but not those
    /// of one that is planned before it.</summary>
    [Test]
    public void ALastTokenThatIsProbedWaitsForBlocks()
    {
        BlockPool pool = new(4);
        Scheduler scheduler = new(pool, KvLayout.Whole, slots: 2, stepTokens: 64, reusesPrefixes: false);
        Sequence first = Add(scheduler, prompt: 31, maxLength: 80), last = Add(scheduler, prompt: 14, maxLength: 16);
        PlannedRows[] prefill = Plan(scheduler), decode = Plan(scheduler);
        int taken = pool.Allocate(); // none is left
        Read(scheduler, prefill);
        PlannedRows[] third = Plan(scheduler);
        Assert.That((third.Single().Sequence, last.Blocks), Is.EqualTo((first, 0)));
        Read(scheduler, decode, appends: false);
        first.Tokens.Append(new ConceptToken(1));
        scheduler.Await(last, ProbeKind.Deer, [7, 8]);

        Assert.That(last.Stage, Is.EqualTo(SequenceStage.Waiting));
        Assert.That((Plan(scheduler).Single().Sequence, first.Blocks), Is.EqualTo((first, 3)));
        scheduler.End(first);
        pool.Release(taken);
        PlannedRows again = Plan(scheduler).Single();
        Assert.That((again.Sequence, again.First, again.Count, again.Probes), Is.EqualTo((last, 0, 17, true)));
    }

    /// <summary>Blocks are released while a probe is in flight: it is computed again only when its result was read.</summary>
    [Test]
    public void AProbeInFlightIsNotTheEnd()
    {
        BlockPool pool = new(4);
        Scheduler scheduler = new(pool, KvLayout.Whole, slots: 2, stepTokens: 64, reusesPrefixes: false);
        Sequence first = Add(scheduler, prompt: 31, maxLength: 80), last = Add(scheduler, prompt: 8, maxLength: 40);
        Read(scheduler, Plan(scheduler));
        int taken = pool.Allocate();
        scheduler.Await(last, ProbeKind.Eat, [7]);
        PlannedRows[] probing = Plan(scheduler);
        Assert.That(probing.Single(part => part.Sequence == last).Probes, Is.True);
        Assert.That(Plan(scheduler).Single().Sequence, Is.EqualTo(first), "which took its blocks");

        Assert.That((last.Stage, last.Blocks, last.Probe!.Fed), Is.EqualTo((SequenceStage.Waiting, 0, 0)));
        pool.Release(taken);
        Assert.That(Plan(scheduler).Select(part => part.Sequence), Has.None.EqualTo(last), "its probe is in flight");
    }

    private PlannedRows[] Plan(Scheduler scheduler)
    {
        scheduler.Plan(_plan);
        return _plan.Parts.ToArray();
    }

    private static Sequence Add(Scheduler scheduler, int prompt, int maxLength)
    {
        TokenHistory history = new(0, 0);
        for (int i = 0; i < prompt; i++)
            history.Append(new ConceptToken(i));
        Sequence sequence = new(history, maxLength, priority: 0);
        scheduler.Add(sequence);
        return sequence;
    }

    private static void Read(Scheduler scheduler, PlannedRows[] parts, bool appends = true)
    {
        foreach (PlannedRows part in parts)
        {
            scheduler.StepRead(part);
            if (part.Samples && appends)
                part.Sequence.Tokens.Append(new ConceptToken(1));
        }
    }
}
