using SoftThinking.Cache;

namespace SoftThinking.Scheduling;

/// <summary>Decides which positions of which sequences an engine step computes. Sequences run in the order of arrival, which a
/// priority shifts; when blocks run out, the last in that order releases its blocks and is computed again later.</summary>
internal sealed class Scheduler
{
    /// <summary>Arrivals that one level of priority counts for. Per level, a sequence overtakes at most this many earlier ones, so that
    /// none waits forever, however many of higher priority arrive.</summary>
    public const int ArrivalsPerPriority = 16;

    private readonly BlockPool _pool;
    private readonly KvLayout _layout;
    private readonly int _stepTokens;
    private readonly bool _reusesPrefixes;
    private readonly PrefixHasher _hasher = new();
    private readonly List<Sequence> _waiting = [];
    private readonly List<Sequence> _running = [];
    private readonly Stack<int> _freeSlots;
    private readonly int[] _runs; // of each group, while a prefix is looked up
    private long _arrivals;

    /// <param name="layout">The groups of layers that have blocks of their own.</param>
    /// <param name="slots">Maximum number of concurrent sequences.</param>
    /// <param name="stepTokens">Maximum rows of a step; at least <paramref name="slots"/>.</param>
    /// <param name="reusesPrefixes">Whether blocks are looked up by the prefix they hold.</param>
    public Scheduler(BlockPool pool, KvLayout layout, int slots, int stepTokens, bool reusesPrefixes)
    {
        (_pool, _layout, _stepTokens, _reusesPrefixes) = (pool, layout, stepTokens, reusesPrefixes);
        _runs = new int[layout.Groups];
        _freeSlots = new Stack<int>(Enumerable.Range(0, slots).Reverse());
    }

    public int Waiting => _waiting.Count;

    public int Running => _running.Count;

    /// <summary>Number of times that a sequence had to release its blocks.</summary>
    public long Preemptions { get; private set; }

    public void Add(Sequence sequence)
    {
        sequence.Arrival = _arrivals++;
        sequence.Tables = [.. _layout.Windows.Select(_ => new BlockTable(sequence.Hashes.Capacity))];
        Enqueue(_waiting, sequence);
    }

    /// <summary>Ends a sequence in any stage. Its blocks are freed immediately, its slot once no step in flight has
    /// rows of it.</summary>
    public void End(Sequence sequence)
    {
        if (sequence.Stage == SequenceStage.Ended)
            return;
        Register(sequence);
        ReleaseBlocks(sequence);
        (sequence.Stage == SequenceStage.Running ? _running : _waiting).Remove(sequence);
        sequence.Stage = SequenceStage.Ended;
        FreeSlot(sequence);
    }

    /// <summary>Records that the host has read a step with these rows.</summary>
    public void StepRead(in PlannedRows part)
    {
        part.Sequence.StepsInFlight--;
        part.Sequence.SamplesInFlight -= part.Samples ? 1 : 0;
        FreeSlot(part.Sequence);
    }

    /// <summary>Makes a sequence wait for a probe of its last token, which the host has read. A step in flight that would sample the next
    /// one does not: the device waits, too.</summary>
    /// <param name="text">What the probe feeds.</param>
    public void Await(Sequence sequence, ProbeKind kind, IEnumerable<int> text)
    {
        if (sequence.SamplesInFlight > 0)
        {
            sequence.Length--;
            sequence.Computed = Math.Max(0, sequence.Computed - 1); // 0 if its blocks were released
        }
        sequence.Probe = new Probe(kind, sequence.Length - 1, text);
        if (sequence.Stage == SequenceStage.Running && sequence.Blocks == 0)
            Withdraw(sequence); // its last token seemed to be in flight, so it had released its blocks
    }

    /// <summary>Plans the next step, which runs after those planned before.</summary>
    public void Plan(StepPlan plan)
    {
        plan.Clear();
        if (Continue(plan))
            Admit(plan);
    }

    /// <summary>Plans rows of the running sequences: one for each that decodes, the rest of the budget for prompts in
    /// order. False if a sequence had to release its blocks.</summary>
    private bool Continue(StepPlan plan)
    {
        int decoding = 0;
        foreach (Sequence sequence in _running)
        {
            decoding += sequence.Missing == 1 ? 1 : 0;
            ReleaseUnseen(sequence);
        }
        long preemptions = Preemptions;
        for (int i = 0; i < _running.Count; i++)
        {
            Sequence sequence = _running[i];
            decoding -= sequence.Missing == 1 ? 1 : 0;
            int rows = Math.Min(sequence.Missing, _stepTokens - plan.Rows - decoding);
            if (rows == 0)
                continue;
            while (sequence.Stage == SequenceStage.Running && !Grow(sequence, sequence.Next + rows))
                Preempt(_running.FindLast(other => other.Blocks > 0)!);
            if (sequence.Stage == SequenceStage.Running)
                Schedule(plan, sequence, rows, begins: false);
        }
        return preemptions == Preemptions;
    }

    /// <summary>Admits waiting sequences in order while rows, slots and blocks suffice.</summary>
    private void Admit(StepPlan plan)
    {
        while (_waiting.Count > 0 && plan.Rows < _stepTokens)
        {
            Sequence sequence = _waiting[0];
            // A sequence that released its blocks is computed again only after its last step in flight was read.
            if (sequence.StepsInFlight > 0 || (sequence.Slot < 0 && _freeSlots.Count == 0) || !FindBlocks(sequence))
                return;
            _waiting.RemoveAt(0);
            Enqueue(_running, sequence);
            sequence.Stage = SequenceStage.Running;
            bool begins = sequence.Slot < 0;
            if (begins)
                sequence.Slot = _freeSlots.Pop();
            int rows = Math.Min(sequence.Missing, _stepTokens - plan.Rows);
            Grow(sequence, sequence.Next + rows);
            Schedule(plan, sequence, rows, begins);
        }
    }

    private void Schedule(StepPlan plan, Sequence sequence, int rows, bool begins)
    {
        if (sequence.Probe is Probe probe)
        {
            ScheduleProbe(plan, sequence, probe, rows, begins);
        }
        else
        {
            bool samples = rows == sequence.Missing && sequence.Targets == null;
            plan.Add(new(sequence, sequence.Computed, rows, begins, samples,
                LastFromSlot: samples && sequence.Length > sequence.PromptLength)
            {
                Scored = sequence.Targets?.Plan(sequence.Computed, rows) ?? 0,
            });
            sequence.Computed += rows;
            sequence.Length += samples ? 1 : 0;
            sequence.SamplesInFlight += samples ? 1 : 0;
        }
        sequence.StepsInFlight++;
        Register(sequence);
    }

    /// <summary>Rows of a probe, after those of the sequence that it needs and that are missing.</summary>
    private static void ScheduleProbe(StepPlan plan, Sequence sequence, Probe probe, int rows, bool begins)
    {
        int first = sequence.Next, own = Math.Clamp(probe.First - first, 0, rows);
        sequence.Computed += own;
        probe.Fed += rows - own;
        plan.Add(new(sequence, first, rows, begins, Samples: false, LastFromSlot: false, probe, Probes: probe.Fed >= probe.Known));
    }

    /// <summary>Assigns to a waiting sequence the blocks that hold its prefix, if the pool has room for the rest of it and
    /// one more block for each running sequence. Positions whose logits are needed are always computed.</summary>
    private bool FindBlocks(Sequence sequence)
    {
        int found = FindPrefix(sequence);
        int length = sequence.Probe is Probe probe ? probe.First + probe.Known : sequence.Length;
        long needed = _layout.BlocksHeld(length, _stepTokens) - TakenOf(sequence, found);
        if (needed + Math.Min(_running.Count * _layout.Groups, _pool.Blocks / 2) > _pool.Available)
            return false;
        for (int i = 0; i < found; i++)
        {
            for (int group = 0; group < _layout.Groups; group++)
                AddFound(sequence, group, i, found);
        }
        sequence.RegisteredBlocks = found;
        sequence.Computed = found * KvCache.BlockPositions;
        if (sequence.Slot < 0)
            sequence.CachedTokens = sequence.Computed;
        return true;
    }

    /// <summary>The longest prefix of a sequence, in blocks, of which the pool has all that later rows see.</summary>
    private int FindPrefix(Sequence sequence)
    {
        int found = 0, most = _reusesPrefixes ? Math.Min(sequence.FirstNeeded, sequence.SharedPositions) / KvCache.BlockPositions : 0;
        Array.Clear(_runs);
        for (int i = 0; i < most; i++)
        {
            bool seen = true;
            for (int group = 0; group < _layout.Groups; group++)
            {
                bool known = _pool.TryFind(new(HashOf(sequence, i), group), out _);
                if (!known && _layout.Windows[group] == null)
                    return found;
                _runs[group] = known ? _runs[group] + 1 : 0; // blocks in sequence up to this one
                seen &= i + 1 - _runs[group] <= _layout.FirstSeen(group, (i + 1) * KvCache.BlockPositions);
            }
            found = seen ? i + 1 : found;
        }
        return found;
    }

    /// <summary>Blocks of a found prefix that other sequences hold, so that they need no room.</summary>
    private int TakenOf(Sequence sequence, int found)
    {
        int taken = 0;
        for (int group = 0; group < _layout.Groups; group++)
        {
            for (int i = _layout.FirstSeen(group, found * KvCache.BlockPositions); i < found; i++)
                taken += _pool.TryFind(new(HashOf(sequence, i), group), out int block) && !_pool.IsUnused(block) ? 1 : 0;
        }
        return taken;
    }

    private void AddFound(Sequence sequence, int group, int index, int found)
    {
        if (index < _layout.FirstSeen(group, found * KvCache.BlockPositions))
        {
            sequence.Tables[group].AddAbsent();
            return;
        }
        _pool.TryFind(new(HashOf(sequence, index), group), out int block);
        _pool.Retain(block);
        sequence.Tables[group].Add(block);
    }

    /// <summary>Allocates the blocks that a sequence lacks for <paramref name="positions"/> positions; false if the pool has too few.</summary>
    private bool Grow(Sequence sequence, int positions)
    {
        int missing = KvCache.BlocksFor(positions) - sequence.Blocks;
        if ((long)missing * _layout.Groups > _pool.Available)
            return false;
        for (; missing > 0; missing--)
        {
            foreach (BlockTable table in sequence.Tables)
                table.Add(_pool.Allocate());
        }
        return true;
    }

    /// <summary>Releases the blocks that have left the windows of all rows to come. Steps in flight may read them: the steps that write them
    /// anew are launched later.</summary>
    private void ReleaseUnseen(Sequence sequence)
    {
        // One position more than the next row sees, because Await may go back by one.
        for (int group = 0; group < _layout.Groups; group++)
            sequence.Tables[group].ReleaseBefore(_layout.FirstSeen(group, sequence.Computed - 1), _pool);
    }

    /// <summary>Releases the blocks of a running sequence, which then waits to be recomputed from its tokens. It keeps its slot and
    /// the state on the device.</summary>
    private void Preempt(Sequence sequence)
    {
        bool done = sequence.Probe == null && sequence.Missing == 0;
        Register(sequence);
        ReleaseBlocks(sequence);
        if (done)
            return; // its last token is in flight, so it needs no more blocks
        Withdraw(sequence);
    }

    /// <summary>A running sequence without blocks waits for its turn again.</summary>
    private void Withdraw(Sequence sequence)
    {
        _running.Remove(sequence);
        sequence.Stage = SequenceStage.Waiting;
        Enqueue(_waiting, sequence);
        Preemptions++;
    }

    private void ReleaseBlocks(Sequence sequence)
    {
        foreach (BlockTable table in sequence.Tables)
            table.Clear(_pool);
        (sequence.Computed, sequence.RegisteredBlocks, sequence.TableBlocks) = (0, 0, 0);
        if (sequence.Probe is Probe probe)
            probe.Fed = 0;
    }

    /// <summary>Registers the full blocks of a sequence under their prefixes. The steps that write them are launched before any
    /// step that could read them.</summary>
    private void Register(Sequence sequence)
    {
        int known = Math.Min(Math.Min(sequence.Computed, sequence.Tokens.Count), sequence.SharedPositions) / KvCache.BlockPositions;
        for (; _reusesPrefixes && sequence.RegisteredBlocks < known; sequence.RegisteredBlocks++)
        {
            int i = sequence.RegisteredBlocks;
            for (int group = 0; group < _layout.Groups; group++)
            {
                if (i >= sequence.Tables[group].First)
                    _pool.Register(sequence.Tables[group][i], new(HashOf(sequence, i), group));
            }
        }
    }

    private PrefixHash HashOf(Sequence sequence, int block)
    {
        for (int i = sequence.Hashes.Count; i <= block; i++)
        {
            PrefixHash parent = i == 0 ? default : sequence.Hashes[i - 1];
            sequence.Hashes.Add(_hasher.Extend(parent, sequence.Tokens, i * KvCache.BlockPositions));
        }
        return sequence.Hashes[block];
    }

    private void FreeSlot(Sequence sequence)
    {
        if (sequence.Stage != SequenceStage.Ended || sequence.StepsInFlight > 0 || sequence.Slot < 0)
            return;
        _freeSlots.Push(sequence.Slot);
        sequence.Slot = -1;
    }

    private static void Enqueue(List<Sequence> queue, Sequence sequence)
    {
        int place = queue.Count;
        while (place > 0 && Precedes(sequence, queue[place - 1]))
            place--;
        queue.Insert(place, sequence);
    }

    private static bool Precedes(Sequence a, Sequence b)
    {
        long first = a.Arrival - (long)a.Priority * ArrivalsPerPriority, second = b.Arrival - (long)b.Priority * ArrivalsPerPriority;
        return first != second ? first < second : a.Arrival < b.Arrival;
    }
}
