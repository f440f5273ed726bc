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
            Outputs = HostOutputs.Place(arena, limits);
            Scores = ScoreStage.Place(arena, limits);
        }, host: true);
        Done = new DeviceEvent(device);
        Times = times ? new StreamTimes(device) : null;
    }

    public StepPlan Plan { get; } = new();

    public HostInputs Inputs { get; private set; } = null!;

    public HostOutputs Outputs { get; private set; } = null!;

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

/// <summary>The inputs of a step, which the host uploads.</summary>
/// <param name="Positions">Of each row.</param>
/// <param name="FirstRow">Of each sequence, and the number of rows.</param>
/// <param name="BlockTables">[sequences, blocks of the longest]</param>
/// <param name="TokenIndex">Of each row, its index in the table of concept tokens: that of a slot, or of an uploaded token.</param>
/// <param name="TokenIds">[uploaded tokens, entries]</param>
/// <param name="TokenWeights">[uploaded tokens, entries]</param>
/// <param name="LogitIndex">Rows that are sampled, then the last rows of probes.</param>
/// <param name="Slots">Slots of the rows that are sampled.</param>
/// <param name="PenalizedSlots">The same for slots with penalties, else -1.</param>
/// <param name="LogProbSlots">The same for slots that report log-probabilities, else -1.</param>
/// <param name="ProbeSlots">Slots of the probes.</param>
/// <param name="ProbeKinds">What they are for, a <see cref="ProbeKind"/>.</param>
/// <param name="ScoredRows">Rows whose logits are scored.</param>
internal sealed record HostInputs(
    HostArray<int> Positions, HostArray<int> FirstRow, HostArray<int> BlockTables, HostArray<int> TokenIndex,
    HostArray<int> TokenIds, HostArray<float> TokenWeights, HostArray<int> LogitIndex, HostArray<int> Slots,
    HostArray<int> PenalizedSlots, HostArray<int> LogProbSlots, HostArray<int> ProbeSlots, HostArray<int> ProbeKinds,
    HostArray<int> ScoredRows)
{
    /// <summary>Number of arrays.</summary>
    public const int Parts = 13;

    public static HostInputs Place(DeviceArena arena, RunnerLimits limits) => new(
        Positions: HostArray<int>.Place(arena, limits.Rows),
        FirstRow: HostArray<int>.Place(arena, limits.Slots + 1),
        BlockTables: HostArray<int>.Place(arena, (long)limits.Slots * limits.BlocksPerSequence),
        TokenIndex: HostArray<int>.Place(arena, limits.Rows),
        TokenIds: HostArray<int>.Place(arena, (long)limits.Rows * limits.Entries),
        TokenWeights: HostArray<float>.Place(arena, (long)limits.Rows * limits.Entries),
        LogitIndex: HostArray<int>.Place(arena, limits.Slots),
        Slots: HostArray<int>.Place(arena, limits.Slots),
        PenalizedSlots: HostArray<int>.Place(arena, limits.Slots),
        LogProbSlots: HostArray<int>.Place(arena, limits.Slots),
        ProbeSlots: HostArray<int>.Place(arena, limits.Slots),
        ProbeKinds: HostArray<int>.Place(arena, limits.Slots),
        ScoredRows: HostArray<int>.Place(arena, limits.Rows));

    /// <summary>The bytes of an array that a step of this shape uses.</summary>
    /// <param name="entries">Entries of a concept token.</param>
    public Span<byte> Used(int part, StepShape shape, int entries)
    {
        return part switch
        {
            0 => Bytes(Positions, shape.Rows),
            1 => Bytes(FirstRow, shape.Sequences + 1),
            2 => Bytes(BlockTables, shape.Sequences * shape.BlocksPerSequence),
            3 => Bytes(TokenIndex, shape.Rows),
            4 => Bytes(TokenIds, shape.Uploaded * entries),
            5 => Bytes(TokenWeights, shape.Uploaded * entries),
            6 => Bytes(LogitIndex, shape.Sampled + shape.Probes),
            7 => Bytes(Slots, shape.Sampled),
            8 => Bytes(PenalizedSlots, shape.Sampled),
            9 => Bytes(LogProbSlots, shape.Sampled),
            10 => Bytes(ProbeSlots, shape.Probes),
            11 => Bytes(ProbeKinds, shape.Probes),
            12 => Bytes(ScoredRows, shape.Scored),
            _ => throw new ArgumentOutOfRangeException(nameof(part)),
        };

        static Span<byte> Bytes<T>(HostArray<T> array, int count) where T : unmanaged => MemoryMarshal.AsBytes(array.Slice(0, count));
    }
}

/// <summary>The outputs of a step, one entry per sampled row; of probes, one each.</summary>
internal sealed record HostOutputs(
    HostArray<int> Ids, HostArray<float> Weights, HostArray<StepInfo> Info, HostArray<float> TokenLogProbs,
    HostArray<int> TopIds, HostArray<float> TopLogProbs, HostArray<StepRecord> Records, HostArray<float> Scores, HostArray<float> LogP1,
    HostArray<float> LogPt, HostArray<ProbeInfo> Probes)
{
    public static HostOutputs Place(DeviceArena arena, RunnerLimits limits) => new(
        Ids: HostArray<int>.Place(arena, (long)limits.Slots * limits.Entries),
        Weights: HostArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        Info: HostArray<StepInfo>.Place(arena, limits.Slots),
        TokenLogProbs: HostArray<float>.Place(arena, limits.Slots),
        TopIds: HostArray<int>.Place(arena, (long)limits.Slots * LogProbsOperation.MaxCount),
        TopLogProbs: HostArray<float>.Place(arena, (long)limits.Slots * LogProbsOperation.MaxCount),
        Records: HostArray<StepRecord>.Place(arena, limits.Slots),
        Scores: HostArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        LogP1: HostArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        LogPt: HostArray<float>.Place(arena, (long)limits.Slots * limits.Entries),
        Probes: HostArray<ProbeInfo>.Place(arena, limits.Slots));
}
