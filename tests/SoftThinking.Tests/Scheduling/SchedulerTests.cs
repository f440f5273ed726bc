using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;
using SoftThinking.Cache;
using SoftThinking.Scheduling;

namespace SoftThinking.Tests.Scheduling;

/// <summary>The scheduler alone, with a device that exists only as a book of what each block holds.</summary>
public class SchedulerTests
{
    /// <param name="Prefix">Which common prefix the prompt begins with, -1 for none.</param>
    private sealed record Job(int Prefix, int PromptTokens, int NewTokens, int Priority, int ArrivesAt, int EndsAt);

    private sealed record Load(int Blocks, int Slots, int StepTokens, bool Reuse, Job[] Jobs)
    {
        public KvLayout Layout { get; init; } = KvLayout.Whole;
    }

    [TestCase(100)]
    [TestCase(400, Category = "Slow")]
    public void EveryScheduleComputesEveryPositionOnceInItsBlock(int loads) =>
        Prop.ForAll(Arb.From(AnyLoad()), load => new Simulation(load).Run()).Check(Config.QuickThrowOnFailure.WithMaxTest(loads));

    [Test]
    public void WhoComesFirstEndsFirst()
    {
        Job[] jobs = [.. Enumerable.Range(0, 60).Select(_ => new Job(-1, 40, 30, 0, 0, int.MaxValue))];
        // Room for about four of them.
        Simulation simulation = new(new Load(20, 8, 64, Reuse: true, jobs));
        simulation.Run();
        // Those under way together end close together; nobody is overtaken by more than that.
        for (int i = 0; i < jobs.Length; i++)
            Assert.That(simulation.EndOrder.IndexOf(i), Is.EqualTo(i).Within(8), $"job {i}");
    }

    [Test]
    public void PriorityGoesFirst()
    {
        Job[] jobs = [.. Enumerable.Range(0, 12).Select(i => new Job(-1, 20, 10, i == 11 ? 1 : 0, 0, int.MaxValue))];
        Simulation simulation = new(new Load(50, 2, 32, Reuse: false, jobs));
        simulation.Run();
        Assert.That(simulation.EndOrder.Take(2), Does.Contain(11));
    }

    /// <summary>However many of higher priority arrive, a waiting sequence is overtaken a bounded number of times.</summary>
    [Test]
    public void LowPriorityIsNotStarved()
    {
        const int High = 10, Jobs = 400;
        Job[] jobs = [.. Enumerable.Range(0, Jobs).Select(i => new Job(-1, 20, 10, i == 5 ? 0 : High, i, int.MaxValue))];
        Simulation simulation = new(new Load(50, 2, 32, Reuse: false, jobs));
        simulation.Run();
        int place = simulation.EndOrder.IndexOf(5);
        Assert.That(place, Is.GreaterThan(20), "it is overtaken");
        Assert.That(place, Is.LessThanOrEqualTo(5 + High * Scheduler.ArrivalsPerPriority + 8), "but not for long");
    }

    [Test]
    public void DecodesAreNotHeldUpByAPrompt()
    {
        BlockPool pool = new(100);
        Scheduler scheduler = new(pool, KvLayout.Whole, slots: 4, stepTokens: 16, reusesPrefixes: false);
        StepPlan plan = new();
        Sequence decoding = New(8, 50), prefilling = New(400, 5);
        scheduler.Add(decoding);
        scheduler.Plan(plan);
        scheduler.Add(prefilling);
        for (int step = 0; step < 20; step++)
        {
            scheduler.Plan(plan);
            Assert.That(plan.Rows, Is.EqualTo(16));
            Assert.That(plan.Parts.ToArray().Single(part => part.Sequence == decoding).Count, Is.EqualTo(1));
            Assert.That(plan.Parts.ToArray().Single(part => part.Sequence == prefilling).Count, Is.EqualTo(15));
        }
    }

    [Test]
    public void SamplesOfOnePromptShareItsBlocksFromTheFirstStep()
    {
        BlockPool pool = new(100);
        Scheduler scheduler = new(pool, KvLayout.Whole, slots: 4, stepTokens: 256, reusesPrefixes: true);
        for (int i = 0; i < 3; i++)
            scheduler.Add(New(100, 10));
        StepPlan plan = new();
        scheduler.Plan(plan);
        Assert.That(plan.Parts.ToArray().Select(part => part.Count), Is.EqualTo(new[] { 100, 4, 4 }));
        Assert.That(pool.Blocks - pool.Available, Is.EqualTo(7 + 1 + 1));
    }

    private static Sequence New(int promptTokens, int newTokens)
    {
        TokenHistory history = new(0, 0);
        for (int i = 0; i < promptTokens; i++)
            history.Append(new ConceptToken(i));
        return new Sequence(history, promptTokens + newTokens, priority: 0);
    }

    private static Gen<Load> AnyLoad()
    {
        Gen<Job> job =
            from prefix in Gen.Choose(-1, 2)
            from prompt in Gen.Choose(1, 90)
            from fresh in Gen.Choose(1, 60)
            from priority in Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(-1, 1)))
            from arrives in Gen.Choose(0, 40)
            from ends in Gen.Frequency((2, Gen.Constant(int.MaxValue)), (1, Gen.Choose(0, 80)))
            select new Job(prefix, prompt, fresh, priority, arrives, ends);
        return
            from windows in Gen.Elements<int?[]>([null], [null], [40], [1, null], [30, null, 17, 30])
            let layout = KvLayout.OfWindows(windows)
            from slots in Gen.Choose(1, 8)
            from tokens in Gen.Choose(slots, 100)
            from more in Gen.Choose(0, 30 * layout.Groups)
            let blocks = (int)layout.BlocksHeld(90 + 60, tokens) + more // the largest job fits
            from reuse in ArbMap.Default.GeneratorFor<bool>()
            from count in Gen.Choose(1, 25)
            from jobs in Gen.ArrayOf(job, count)
            select new Load(blocks, slots, tokens, reuse, jobs) { Layout = layout };
    }

    /// <summary>Plays the engine and the device: steps are read one behind, and every block remembers which prefix each of its
    /// positions was written for.</summary>
    private sealed class Simulation
    {
        private readonly Load _load;
        private readonly BlockPool _pool;
        private readonly Dictionary<(int Block, int Offset), (int Group, int Position, int Prefix)> _written = [];
        private readonly List<Sequence> _sequences;
        private readonly HashSet<Sequence> _submitted = [];
        private readonly Queue<(PlannedRows[] Parts, int[] Sampled)> _inFlight = [];

        public Simulation(Load load)
        {
            _load = load;
            _pool = new BlockPool(load.Blocks);
            _sequences = [.. load.Jobs.Select((job, i) => new Sequence(Prompt(job, i), job.PromptTokens + job.NewTokens, job.Priority))];
        }

        public List<int> EndOrder { get; } = [];

        public void Run()
        {
            Scheduler scheduler = new(_pool, _load.Layout, _load.Slots, _load.StepTokens, _load.Reuse);
            StepPlan plan = new();
            for (int step = 0; EndOrder.Count < _sequences.Count; step++)
            {
                Assert.That(step, Is.LessThan(20000), "no end in sight");
                foreach ((Sequence sequence, Job job) in _sequences.Zip(_load.Jobs))
                {
                    if (job.ArrivesAt == step && _submitted.Add(sequence))
                        scheduler.Add(sequence);
                    if (job.EndsAt <= step && _submitted.Contains(sequence))
                        End(scheduler, sequence);
                }
                scheduler.Plan(plan);
                if (plan.Rows > 0)
                    Launch(plan);
                else if (_inFlight.Count == 0)
                    Assert.That(_submitted, Has.All.Property(nameof(Sequence.Stage)).EqualTo(SequenceStage.Ended), "nothing is planned, though somebody waits");
                if (_inFlight.Count == 2 || (plan.Rows == 0 && _inFlight.Count > 0))
                    Read(scheduler);
            }
            while (_inFlight.Count > 0)
                Read(scheduler);
            Assert.That(_pool.Available, Is.EqualTo(_pool.Blocks), "blocks leaked");
            Assert.That(_sequences.Select(sequence => sequence.Slot), Has.All.EqualTo(-1), "slots leaked");
        }

        private void Launch(StepPlan plan)
        {
            Assert.That(plan.Rows, Is.LessThanOrEqualTo(_load.StepTokens));
            PlannedRows[] parts = plan.Parts.ToArray();
            Assert.That(parts.Select(part => part.Sequence.Slot).Distinct().Count(), Is.EqualTo(parts.Length), "a slot for each");
            int[][] prefixes = [.. parts.Select(part => PrefixesOf(part.Sequence, part.First + part.Count))];
            // As on the device: all rows of a step are written in a layer before any is read.
            for (int group = 0; group < _load.Layout.Groups; group++)
            {
                for (int i = 0; i < parts.Length; i++)
                {
                    for (int position = parts[i].First; position < prefixes[i].Length; position++)
                        _written[PlaceOf(parts[i], group, position)] = (group, position, prefixes[i][position]);
                }
                for (int i = 0; i < parts.Length; i++)
                {
                    int seen = _load.Layout.Windows[group] is int window ? Math.Max(0, parts[i].First - window + 1) : 0;
                    for (int position = seen; position < prefixes[i].Length; position++)
                        Assert.That(_written[PlaceOf(parts[i], group, position)], Is.EqualTo((group, position, prefixes[i][position])));
                }
            }
            foreach (PlannedRows part in parts)
            {
                int held = part.Sequence.Tables.Sum(table => table.Count - table.First);
                Assert.That(held, Is.LessThanOrEqualTo(_load.Layout.BlocksHeld(part.First + part.Count, _load.StepTokens)));
            }
            _inFlight.Enqueue((parts, [.. parts.Where(part => part.Samples).Select(part => SampledId(part.Sequence, part.First + part.Count))]));
        }

        private void Read(Scheduler scheduler)
        {
            (PlannedRows[] parts, int[] sampled) = _inFlight.Dequeue();
            int next = 0;
            foreach (PlannedRows part in parts)
            {
                scheduler.StepRead(part);
                if (!part.Samples)
                    continue;
                int id = sampled[next++];
                if (part.Sequence.Stage == SequenceStage.Ended)
                    continue;
                part.Sequence.Tokens.Append(new ConceptToken(id));
                if (part.Sequence.Tokens.Count == part.Sequence.MaxLength)
                    End(scheduler, part.Sequence);
            }
        }

        private void End(Scheduler scheduler, Sequence sequence)
        {
            if (sequence.Stage == SequenceStage.Ended)
                return;
            scheduler.End(sequence);
            EndOrder.Add(_sequences.IndexOf(sequence));
        }

        private static (int Block, int Offset) PlaceOf(PlannedRows part, int group, int position) =>
            (part.Sequence.Tables[group][position / 16], position % 16);

        /// <summary>What determines the keys and values of each position: all tokens up to it.</summary>
        private static int[] PrefixesOf(Sequence sequence, int positions)
        {
            int[] prefixes = new int[positions];
            int prefix = 0;
            for (int i = 0; i < positions; i++)
                prefixes[i] = prefix = HashCode.Combine(prefix, i < sequence.Tokens.Count ? sequence.Tokens.TokenAt(i) : SampledId(sequence, i));
            return prefixes;
        }

        // What a sequence samples at a position depends on its prompt alone.
        private static int SampledId(Sequence sequence, int position)
        {
            int prompt = 0;
            for (int i = 0; i < sequence.PromptLength; i++)
                prompt = HashCode.Combine(prompt, sequence.Tokens.TokenAt(i));
            return Math.Abs(HashCode.Combine(prompt, position) % 1000);
        }

        private static TokenHistory Prompt(Job job, int number)
        {
            TokenHistory history = new(0, 0);
            for (int i = 0; i < job.PromptTokens; i++)
                history.Append(new ConceptToken(job.Prefix >= 0 && i < 50 ? 1000 * job.Prefix + i : 10000 + 100 * number + i));
            return history;
        }
    }
}
