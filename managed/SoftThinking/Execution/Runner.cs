using System.Runtime.InteropServices;
using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;
using SoftThinking.Scheduling;

namespace SoftThinking.Execution;

/// <summary>Executes planned engine steps on a device: one forward pass over prefill and decode rows together, then sampling.
/// Launching is asynchronous. What the next step needs from this one (the sampled tokens, and the states of thinking and
/// of the random generator) stays on the device.</summary>
internal sealed class Runner : IDisposable
{
    private readonly ModelConfig _config;
    private readonly RunnerLimits _limits;
    private readonly DeviceStream _stream;
    private readonly DeviceArena _arena;
    private readonly SlotTable _slots;
    private readonly Transformer _transformer;
    private readonly Scorer _scorer;
    private readonly StepGraphs? _graphs;
    private readonly (StepGraphs Forward, StepGraphs After)? _halves; // around a hook
    private readonly bool _fastPrefill;
    private readonly long _inputBytes;
    private readonly List<SlotUpdate> _updates = []; // to apply with the next step
    private Buffers _buffers = null!; // set while the arena is laid out

    /// <param name="comm">The ranks that share the model; null for one device.</param>
    /// <param name="fastPrefill">Whether the matmuls of steps with prefill rows may give up batch invariance for speed.</param>
    public Runner(Device device, DeviceStream stream, ModelWeights weights, KvCache cache, RunnerLimits limits, DeviceComm? comm = null, bool fastPrefill = false)
    {
        (_config, _limits, _stream, _fastPrefill) = (weights.Config, limits, stream, fastPrefill);
        _inputBytes = InputArrays.BytesOf(limits);
        _slots = new SlotTable(device, stream, limits, _config.VocabularySize);
        _arena = DeviceArena.Allocate(device, arena => _buffers = Buffers.Place(arena, device, weights.Shard, limits));
        _transformer = new Transformer(weights, cache, _buffers.Forward, comm);
        _scorer = new Scorer(stream, _transformer, _buffers.Scores, _buffers.Inputs.ScoredRows.Pointer, _buffers.Forward.Logits, _buffers.Workspace, limits.Slots, _config.VocabularySize);
        if (!device.Query().Graphs)
            return;
        _graphs = new StepGraphs(device, stream, shape =>
        {
            Forward(shape, fast: false, []);
            Rest(shape);
        });
        _graphs.RecordAll(limits);
        _halves = (new StepGraphs(device, stream, shape => Forward(shape, fast: false, [])), new StepGraphs(device, stream, Rest));
    }

    /// <summary>Bytes of device memory that a runner allocates.</summary>
    public static long Measure(Device device, ModelShard shard, RunnerLimits limits) =>
        DeviceArena.Measure(arena =>
        {
            Buffers.Place(arena, device, shard, limits);
            DeviceSlots.Place(arena, limits, shard.Whole.VocabularySize);
        });

    /// <summary>Number of graphs recorded so far.</summary>
    public int Graphs => (_graphs?.Count ?? 0) + (_halves?.Forward.Count ?? 0) + (_halves?.After.Count ?? 0);

    /// <summary>The other ranks, which launch every step too; null for one device.</summary>
    public IFollowers? Followers { get; set; }

    /// <summary>Launches the step that <see cref="Step.Plan"/> describes, after those launched before. Its results are available
    /// once <see cref="Step.Done"/> has completed.</summary>
    /// <param name="hook">Called with the stream and the logits of the sampled rows, once the work that computes them is launched.</param>
    public void Launch(Step step, Action<DeviceStream, nint>? hook = null)
    {
        StepPlan plan = step.Plan;
        step.Times?.Begin(_stream, plan.Seen);
        foreach (PlannedRows part in plan.Parts)
        {
            if (part.Begins && part.Sequence.Targets == null)
                _updates.Add(SlotUpdate.Begin(part.Sequence));
        }
        // Operations inside a graph cannot be timed, and the addresses of embeddings are not those of another step.
        bool graph = plan.Decodes && step.Times == null && _graphs != null && !plan.ReadsEmbeddings;
        AwaitEmbeddings(plan);
        StepShape shape = StepInputs.Fill(step, _limits, padded: graph);
        StepLaunch launch = new(shape, graph, Fast: _fastPrefill && !plan.Decodes && !plan.Scores);
        Followers?.Send(StepMessage.Write(launch, CollectionsMarshal.AsSpan(_updates), step.Inputs, _limits.Entries));
        Launch(step, launch, hook);
    }

    /// <summary>Launches a step as another rank launched it.</summary>
    /// <param name="message">From <see cref="StepMessage"/>.</param>
    public void Launch(Step step, ReadOnlySpan<byte> message) =>
        Launch(step, StepMessage.Read(message, _updates, step.Inputs, _limits.Entries), null);

    /// <summary>Applies changed sampling parameters of a sequence that has begun, from the next step on.</summary>
    public void UpdateSampling(Sequence sequence) => _updates.Add(SlotUpdate.Resample(sequence));

    private void Launch(Step step, StepLaunch launch, Action<DeviceStream, nint>? hook)
    {
        _stream.Times = step.Times;
        foreach (SlotUpdate update in _updates)
            _slots.Apply(update);
        _updates.Clear();
        Upload(step.Inputs, launch.Shape);
        Compute(launch, step.Embeddings, hook);
        _scorer.Launch(step.Scores, launch.Shape.Scored); // last, because it overwrites the logits
        Download(step.Outputs, launch.Shape);
        _stream.Record(step.Done);
    }

    public void Dispose()
    {
        _halves?.Forward.Dispose();
        _halves?.After.Dispose();
        _graphs?.Dispose();
        _arena.Dispose();
        _slots.Dispose();
    }

    /// <summary>Makes the stream wait for the rows that callers write, before they are read first.</summary>
    private void AwaitEmbeddings(StepPlan plan)
    {
        foreach (PlannedRows part in plan.Parts)
        {
            foreach (EmbeddingSpan span in part.Sequence.Embeddings)
            {
                if (span.Awaited || span.Within(part.First, part.Count).Count == 0)
                    continue;
                span.Awaited = true;
                if (span.Part.ReadyEvent != 0)
                    _stream.WaitForCudaEvent(span.Part.ReadyEvent);
            }
        }
    }

    private void Upload(HostInputs host, StepShape shape)
    {
        DeviceSlots slots = _slots.Device;
        nint firstUploaded = 2 * (nint)_limits.Slots * _limits.Entries * sizeof(int);
        _stream.Copy<byte>(host.Arrays.Positions.Pointer, _buffers.Inputs.Positions.Pointer, _inputBytes);
        _stream.Copy<int>(host.TokenIds.Pointer, slots.TokenIds + firstUploaded, (long)shape.Uploaded * _limits.Entries);
        _stream.Copy<float>(host.TokenWeights.Pointer, slots.TokenWeights + firstUploaded, (long)shape.Uploaded * _limits.Entries);
        if (shape.TableEntries == 0)
            return;
        _stream.Copy<TableEntry>(host.TableEntries.Pointer, _buffers.TableEntries, shape.TableEntries);
        _stream.SetBlocks(new()
        {
            Count = shape.TableEntries,
            Entries = _buffers.TableEntries,
            Tables = _buffers.BlockTables,
            Places = _limits.TablePlaces,
        });
    }

    /// <summary>Launches the operations of a step. Apart from the shape, all inputs are in device memory, so that one graph
    /// serves every step of the same shape.</summary>
    private void Compute(StepLaunch launch, IReadOnlyList<InputRows> embeddings, Action<DeviceStream, nint>? hook)
    {
        StepShape shape = launch.Shape;
        if (launch.Graph && hook == null)
        {
            _graphs!.Launch(shape);
            return;
        }
        if (launch.Graph)
            _halves!.Value.Forward.Launch(shape with { Penalizes = false, ReportsLogProbs = false });
        else
            Forward(shape, launch.Fast, embeddings);
        hook?.Invoke(_stream, _buffers.Forward.Logits);
        if (launch.Graph)
            _halves!.Value.After.Launch(shape);
        else
            Rest(shape);
    }

    /// <summary>What follows on the logits.</summary>
    private void Rest(StepShape shape)
    {
        if (shape.Probes > 0)
            Probe(shape);
        if (shape.Penalizes)
            Penalize(shape);
        if (shape.Sampled > 0)
            Sample(shape);
        if (shape.ReportsLogProbs)
            LogProbs(shape);
    }

    private void Forward(StepShape shape, bool fast, IReadOnlyList<InputRows> embeddings)
    {
        Batch batch = new()
        {
            Rows = shape.Rows,
            Sequences = shape.Sequences,
            BlocksPerSequence = _limits.BlocksPerSequence,
            Tables = _limits.Slots,
            Positions = _buffers.Inputs.Positions.Pointer,
            FirstRow = _buffers.Inputs.FirstRow.Pointer,
            BlockTables = _buffers.BlockTables,
            TableOf = _buffers.Inputs.TableOf.Pointer,
        };
        EmbedOperation tokens = new()
        {
            Entries = _limits.Entries,
            Tokens = 2 * _limits.Slots + _limits.Rows,
            Ids = _slots.Device.TokenIds,
            Weights = _slots.Device.TokenWeights,
            Index = _buffers.Inputs.TokenIndex.Pointer,
        };
        _transformer.Forward(_stream, tokens, batch, _buffers.Inputs.LogitIndex.Pointer, shape.Sampled + shape.Probes, embeddings, fast);
    }

    /// <summary>The logits of probes follow those of the sampled rows.</summary>
    private void Probe(StepShape shape) => _stream.Probe(new()
    {
        Rows = shape.Probes,
        Vocabulary = _config.VocabularySize,
        Entries = _limits.Entries,
        Logits = _buffers.Forward.Logits + (nint)shape.Sampled * _config.VocabularySize * sizeof(float),
        Slots = _buffers.Inputs.ProbeSlots.Pointer,
        Kinds = _buffers.Inputs.ProbeKinds.Pointer,
        Sampling = _slots.Device.Sampling,
        States = _slots.Device.States,
        Counts = _slots.Device.Counts,
        SlotIds = _slots.Device.TokenIds,
        SlotWeights = _slots.Device.TokenWeights,
        ProbeIds = _slots.Device.TokenIds + (nint)_limits.Slots * _limits.Entries * sizeof(int),
        ProbeWeights = _slots.Device.TokenWeights + (nint)_limits.Slots * _limits.Entries * sizeof(float),
        OutInfo = _buffers.Outputs.Probes.Pointer,
        Workspace = _buffers.Workspace,
    });

    private void Penalize(StepShape shape) => _stream.Penalize(new()
    {
        Rows = shape.Sampled,
        Vocabulary = _config.VocabularySize,
        Logits = _buffers.Forward.Logits,
        Slots = _buffers.Inputs.PenalizedSlots.Pointer,
        Penalties = _slots.Device.Penalties,
        Counts = _slots.Device.Counts,
        States = _slots.Device.States,
    });

    private void Sample(StepShape shape) => _stream.Sample(new()
    {
        Rows = shape.Sampled,
        Vocabulary = _config.VocabularySize,
        Entries = _limits.Entries,
        Logits = _buffers.Forward.Logits,
        Slots = _buffers.Inputs.Slots.Pointer,
        Sampling = _slots.Device.Sampling,
        States = _slots.Device.States,
        Counts = _slots.Device.Counts,
        SlotIds = _slots.Device.TokenIds,
        SlotWeights = _slots.Device.TokenWeights,
        OutIds = _buffers.Outputs.Ids.Pointer,
        OutWeights = _buffers.Outputs.Weights.Pointer,
        OutInfo = _buffers.Outputs.Info.Pointer,
        OutRecord = _buffers.Outputs.Records.Pointer,
        OutScores = _buffers.Outputs.Scores.Pointer,
        OutLogP1 = _buffers.Outputs.LogP1.Pointer,
        OutLogPt = _buffers.Outputs.LogPt.Pointer,
        Workspace = _buffers.Workspace,
    });

    private void LogProbs(StepShape shape) => _stream.LogProbs(new()
    {
        Rows = shape.Sampled,
        Vocabulary = _config.VocabularySize,
        Count = LogProbsOperation.MaxCount,
        Logits = _buffers.Forward.Logits,
        Slots = _buffers.Inputs.LogProbSlots.Pointer,
        Info = _buffers.Outputs.Info.Pointer,
        Head = _buffers.Outputs.TokenLogProbs.Pointer,
        TopIds = _buffers.Outputs.TopIds.Pointer,
        Top = _buffers.Outputs.TopLogProbs.Pointer,
        Workspace = _buffers.Workspace,
    });

    private void Download(OutputArrays host, StepShape shape)
    {
        OutputArrays device = _buffers.Outputs;
        Copy(device.Ids, host.Ids, (long)shape.Sampled * _limits.Entries);
        Copy(device.Weights, host.Weights, (long)shape.Sampled * _limits.Entries);
        Copy(device.Info, host.Info, shape.Sampled);
        Copy(device.Probes, host.Probes, shape.Probes);
        if (shape.Records)
        {
            Copy(device.Records, host.Records, shape.Sampled);
            Copy(device.Scores, host.Scores, (long)shape.Sampled * _limits.Entries);
            Copy(device.LogP1, host.LogP1, (long)shape.Sampled * _limits.Entries);
            Copy(device.LogPt, host.LogPt, (long)shape.Sampled * _limits.Entries);
        }
        if (!shape.ReportsLogProbs)
            return;
        Copy(device.TokenLogProbs, host.TokenLogProbs, shape.Sampled);
        Copy(device.TopIds, host.TopIds, (long)shape.Sampled * LogProbsOperation.MaxCount);
        Copy(device.TopLogProbs, host.TopLogProbs, (long)shape.Sampled * LogProbsOperation.MaxCount);

        void Copy<T>(ArenaArray<T> from, ArenaArray<T> to, long count) where T : unmanaged => _stream.Copy<T>(from.Pointer, to.Pointer, count);
    }

    /// <summary>Device memory of a step.</summary>
    /// <param name="BlockTables">[groups of layers, slots, blocks of a sequence], kept from step to step.</param>
    /// <param name="TableEntries">What changes in them, like <see cref="HostInputs.TableEntries"/>.</param>
    private sealed record Buffers(
        ForwardBuffers Forward, InputArrays Inputs, nint BlockTables, nint TableEntries, OutputArrays Outputs, nint Workspace, ScoreBuffers Scores)
    {
        public static Buffers Place(DeviceArena arena, Device device, ModelShard shard, RunnerLimits limits) => new(
            Forward: ForwardBuffers.Place(arena, shard, device.Query().ActivationDtype, limits.Rows, limits.Slots),
            Inputs: InputArrays.Place(arena, limits),
            BlockTables: arena.Reserve<int>(limits.TablePlaces),
            TableEntries: arena.Reserve<TableEntry>(limits.TablePlaces),
            Outputs: OutputArrays.Place(arena, limits),
            Workspace: arena.Reserve(WorkspaceBytes(device, limits.Slots, shard.Whole.VocabularySize)),
            Scores: ScoreBuffers.Place(arena, limits));

        private static unsafe long WorkspaceBytes(Device device, int rows, int vocabulary) =>
            (long)device.Api->SampleWorkspaceBytes(rows, vocabulary);
    }
}
