using System.Runtime.InteropServices;
using SoftThinking.Interop;
using SoftThinking.Models;
using SoftThinking.Scheduling;

namespace SoftThinking.Execution;

/// <summary>One engine step from its plan to its results, with the host buffers of its inputs and outputs. Two are used
/// alternately: the host reads and replans one while the device computes the other.</summary>
internal sealed class Step : IDisposable
{
    private readonly DeviceArena _arena;
    private readonly int _entries;

    /// <param name="times">Whether to measure the time of each operation.</param>
    public Step(Device device, RunnerLimits limits, bool times)
    {
        _entries = limits.Entries;
        _arena = DeviceArena.Allocate(device, arena =>
        {
            Inputs = HostInputs.Place(arena, limits);
            Outputs = OutputArrays.Place(arena, limits);
            Scores = ScoreStage.Place(arena, limits);
        }, host: true);
        Done = new DeviceEvent(device);
        Times = times ? new StreamTimes(device) : null;
    }

    public StepPlan Plan { get; } = new();

    public HostInputs Inputs { get; private set; } = null!;

    public OutputArrays Outputs { get; private set; } = null!;

    /// <summary>What the step scores.</summary>
    public ScoreStage Scores { get; private set; } = null!;

    /// <summary>Inputs that the device reads from callers' memory.</summary>
    public List<InputRows> Embeddings { get; } = [];

    /// <summary>Marks the end of the step's work.</summary>
    public DeviceEvent Done { get; }

    /// <summary>The times of the step's operations; null unless profiling.</summary>
    public StreamTimes? Times { get; }

    /// <summary>The result of the <paramref name="sample"/>-th sampled row of the plan; valid once the step is done.</summary>
    public SampledRow this[int sample] => new(Outputs, sample, _entries);

    /// <summary>The result of the <paramref name="probe"/>-th part of the plan that probes; valid once the step is done.</summary>
    public ProbeInfo ProbeAt(int probe) => Outputs.Probes[probe];

    public void Dispose()
    {
        Times?.Dispose();
        Done.Dispose();
        _arena.Dispose();
    }
}

/// <summary>The small inputs of a step, adjacent on the host and, in the same layout, on the device: one copy uploads them.</summary>
/// <param name="Positions">Of each row.</param>
/// <param name="FirstRow">Of each sequence, and the number of rows.</param>
/// <param name="TableOf">The block table of each sequence, which is that of its slot.</param>
/// <param name="TokenIndex">Of each row, its index in the table of concept tokens: that of a slot, or of an uploaded token.</param>
/// <param name="LogitIndex">Rows that are sampled, then the last rows of probes.</param>
/// <param name="Slots">Slots of the rows that are sampled.</param>
/// <param name="PenalizedSlots">The same for slots with penalties, else -1.</param>
/// <param name="LogProbSlots">The same for slots that report log-probabilities, else -1.</param>
/// <param name="ProbeSlots">Slots of the probes.</param>
/// <param name="ProbeKinds">What they are for, a <see cref="ProbeKind"/>.</param>
/// <param name="ScoredRows">Rows whose logits are scored.</param>
internal sealed record InputArrays(
    ArenaArray<int> Positions, ArenaArray<int> FirstRow, ArenaArray<int> TableOf, ArenaArray<int> TokenIndex, ArenaArray<int> LogitIndex,
    ArenaArray<int> Slots, ArenaArray<int> PenalizedSlots, ArenaArray<int> LogProbSlots, ArenaArray<int> ProbeSlots, ArenaArray<int> ProbeKinds,
    ArenaArray<int> ScoredRows)
{
    public static InputArrays Place(DeviceArena arena, RunnerLimits limits) => new(
        Positions: ArenaArray<int>.Place(arena, limits.Rows),
        FirstRow: ArenaArray<int>.Place(arena, limits.Slots + 1),
        TableOf: ArenaArray<int>.Place(arena, limits.Slots),
        TokenIndex: ArenaArray<int>.Place(arena, limits.Rows),
        LogitIndex: ArenaArray<int>.Place(arena, limits.Slots),
        Slots: ArenaArray<int>.Place(arena, limits.Slots),
        PenalizedSlots: ArenaArray<int>.Place(arena, limits.Slots),
        LogProbSlots: ArenaArray<int>.Place(arena, limits.Slots),
        ProbeSlots: ArenaArray<int>.Place(arena, limits.Slots),
        ProbeKinds: ArenaArray<int>.Place(arena, limits.Slots),
        ScoredRows: ArenaArray<int>.Place(arena, limits.Rows));

    /// <summary>Bytes from the begin of the first array to the end of the last.</summary>
    public static long BytesOf(RunnerLimits limits) => DeviceArena.Measure(arena => Place(arena, limits));
}

/// <summary>All inputs of a step on the host.</summary>
/// <param name="TokenIds">[uploaded tokens, entries]</param>
/// <param name="TokenWeights">[uploaded tokens, entries]</param>
/// <param name="TableEntries">What changes in the block tables on the device: [groups of layers, slots, blocks of a sequence].</param>
internal sealed record HostInputs(
    InputArrays Arrays, ArenaArray<int> TokenIds, ArenaArray<float> TokenWeights, ArenaArray<TableEntry> TableEntries)
{
    /// <summary>Number of arrays.</summary>
    public const int Parts = 14;

    public static HostInputs Place(DeviceArena arena, RunnerLimits limits) => new(
        InputArrays.Place(arena, limits),
        TokenIds: ArenaArray<int>.Place(arena, (long)limits.Rows * limits.Entries),
        TokenWeights: ArenaArray<float>.Place(arena, (long)limits.Rows * limits.Entries),
        TableEntries: ArenaArray<TableEntry>.Place(arena, limits.TablePlaces));

    /// <summary>The bytes of an array that a step of this shape uses.</summary>
    /// <param name="entries">Entries of a concept token.</param>
    public Span<byte> Used(int part, StepShape shape, int entries)
    {
        return part switch
        {
            0 => Bytes(Arrays.Positions, shape.Rows),
            1 => Bytes(Arrays.FirstRow, shape.Sequences + 1),
            2 => Bytes(Arrays.TableOf, shape.Sequences),
            3 => Bytes(Arrays.TokenIndex, shape.Rows),
            4 => Bytes(Arrays.LogitIndex, shape.Sampled + shape.Probes),
            5 => Bytes(Arrays.Slots, shape.Sampled),
            6 => Bytes(Arrays.PenalizedSlots, shape.Sampled),
            7 => Bytes(Arrays.LogProbSlots, shape.Sampled),
            8 => Bytes(Arrays.ProbeSlots, shape.Probes),
            9 => Bytes(Arrays.ProbeKinds, shape.Probes),
            10 => Bytes(Arrays.ScoredRows, shape.Scored),
            11 => Bytes(TokenIds, shape.Uploaded * entries),
            12 => Bytes(TokenWeights, shape.Uploaded * entries),
            13 => Bytes(TableEntries, shape.TableEntries),
            _ => throw new ArgumentOutOfRangeException(nameof(part)),
        };

        static Span<byte> Bytes<T>(ArenaArray<T> array, int count) where T : unmanaged => MemoryMarshal.AsBytes(array.Slice(0, count));
    }
}

/// <summary>The outputs of a step, one entry per sampled row; of probes, one each.</summary>
internal sealed record OutputArrays(
    ArenaArray<int> Ids, ArenaArray<float> Weights, ArenaArray<StepInfo> Info, ArenaArray<float> TokenLogProbs,
    ArenaArray<int> TopIds, ArenaArray<float> TopLogProbs, ArenaArray<StepRecord> Records, ArenaArray<float> Scores, ArenaArray<float> LogP1,
    ArenaArray<float> LogPt, ArenaArray<ProbeInfo> Probes)
{
    public static OutputArrays Place(DeviceArena arena, RunnerLimits limits) => new(
        Ids: ArenaArray<int>.Place(arena, (long)limits.Slots * limits.Entries),
        Weights: ArenaArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        Info: ArenaArray<StepInfo>.Place(arena, limits.Slots),
        TokenLogProbs: ArenaArray<float>.Place(arena, limits.Slots),
        TopIds: ArenaArray<int>.Place(arena, (long)limits.Slots * LogProbsOperation.MaxCount),
        TopLogProbs: ArenaArray<float>.Place(arena, (long)limits.Slots * LogProbsOperation.MaxCount),
        Records: ArenaArray<StepRecord>.Place(arena, limits.Slots),
        Scores: ArenaArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        LogP1: ArenaArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        LogPt: ArenaArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        Probes: ArenaArray<ProbeInfo>.Place(arena, limits.Slots));
}
