using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>What one sampling step gave, as it came from the device.</summary>
internal readonly record struct SampledStep(int[] Ids, float[] Weights, float Entropy, StepFlags Flags);

/// <summary>Runs one sequence on a device: lays out its buffers, feeds concept tokens to the model, samples. The
/// concept token, the thinking state and the random state stay on the device from step to step.</summary>
/// <remarks>Concept tokens live in a pool of device memory. Row 0 is the sequence's own: what it sampled last. The
/// rows after it hold what the host uploads, prompts above all.</remarks>
internal sealed unsafe class Runner : IDisposable
{
    /// <summary>Most rows of one forward pass; longer prompts go through in chunks.</summary>
    public const int MaxChunk = 256;

    private const int OwnToken = 0, FirstUploaded = 1;

    private readonly ModelConfig _config;
    private readonly DeviceStream _stream;
    private readonly KvCache _cache;
    private readonly DeviceArena _arena;
    private readonly Transformer _transformer;
    private readonly int _entries;
    private readonly int _chunk;
    private readonly int _logitRows;
    private readonly bool _penalizes;
    private Buffers _buffers = null!; // set while the arena is laid out

    /// <param name="entries">Places of a concept token.</param>
    /// <param name="chunk">Most rows of a forward pass.</param>
    /// <param name="logitRows">Most rows of a forward pass whose logits are wanted.</param>
    /// <param name="penalizes">Whether heads are counted, for penalties.</param>
    public Runner(
        Device device, DeviceStream stream, ModelWeights weights, KvCache cache, int entries, int chunk, int logitRows, bool penalizes)
    {
        (_config, _stream, _cache, _entries, _chunk, _logitRows, _penalizes) =
            (weights.Config, stream, cache, entries, chunk, logitRows, penalizes);
        _arena = DeviceArena.Allocate(device, arena =>
            _buffers = Buffers.Place(arena, device, _config, cache.Blocks, entries, chunk, logitRows, penalizes));
        _transformer = new Transformer(weights, cache, _buffers.Forward);
        _stream.Upload<int>([.. Enumerable.Range(0, cache.Blocks)], _buffers.BlockTable);
        _stream.Upload<int>([0], _buffers.Slots);
    }

    /// <summary>Bytes that a runner allocates.</summary>
    public static long Measure(Device device, ModelConfig config, int blocks, int entries, int chunk, int logitRows, bool penalizes) =>
        DeviceArena.Measure(arena => Buffers.Place(arena, device, config, blocks, entries, chunk, logitRows, penalizes));

    /// <summary>Sets the sequence's parameters and its state before the first step.</summary>
    /// <param name="promptHeads">Heads of the prompt, for the repetition penalty.</param>
    public void Begin(in SlotSampling sampling, in SequenceState state, in Penalties penalties, ReadOnlySpan<int> promptHeads)
    {
        const int InPrompt = 0x40000000; // ST_COUNT_IN_PROMPT
        _stream.Upload([sampling], _buffers.Sampling);
        _stream.Upload([state], _buffers.State);
        if (!_penalizes)
            return;
        _stream.Upload([penalties], _buffers.Penalties);
        int[] counts = new int[_config.VocabularySize];
        foreach (int head in promptHeads)
            counts[head] = InPrompt;
        _stream.Upload<int>(counts, _buffers.Counts);
    }

    /// <summary>Puts concept tokens into the cache from <paramref name="position"/> on, at most a chunk of them, and
    /// computes the logits of the last <paramref name="logitRows"/> of them.</summary>
    public void Prefill(ReadOnlySpan<ConceptToken> tokens, int position, int logitRows)
    {
        int[] ids = new int[tokens.Length * _entries];
        float[] weights = new float[tokens.Length * _entries];
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i].Ids.CopyTo(ids, i * _entries);
            tokens[i].Weights.CopyTo(weights, i * _entries);
        }
        _stream.Upload<int>(ids, _buffers.TokenIds + (nint)FirstUploaded * _entries * sizeof(int));
        _stream.Upload<float>(weights, _buffers.TokenWeights + (nint)FirstUploaded * _entries * sizeof(float));
        Forward(tokens.Length, position, FirstUploaded, logitRows);
    }

    /// <summary>Puts the concept token that was sampled last at <paramref name="position"/> and computes its logits.</summary>
    public void Decode(int position) => Forward(1, position, OwnToken, 1);

    /// <summary>Samples from the logits of the last row and moves the sequence on by one step.</summary>
    public SampledStep Sample()
    {
        if (_penalizes)
        {
            _stream.Penalize(new()
            {
                Rows = 1,
                Vocabulary = _config.VocabularySize,
                Logits = _buffers.Forward.Logits,
                Slots = _buffers.Slots,
                Penalties = _buffers.Penalties,
                Counts = _buffers.Counts,
            });
        }
        _stream.Sample(new()
        {
            Rows = 1,
            Vocabulary = _config.VocabularySize,
            Entries = _entries,
            Logits = _buffers.Forward.Logits,
            Slots = _buffers.Slots,
            Sampling = _buffers.Sampling,
            States = _buffers.State,
            Counts = _penalizes ? _buffers.Counts : 0,
            SlotIds = _buffers.TokenIds,
            SlotWeights = _buffers.TokenWeights,
            OutIds = _buffers.OutIds,
            OutWeights = _buffers.OutWeights,
            OutInfo = _buffers.OutInfo,
            Workspace = _buffers.Workspace,
        });
        int[] ids = new int[_entries];
        float[] weights = new float[_entries];
        StepInfo info = default;
        _stream.Download<int>(_buffers.OutIds, ids);
        _stream.Download<float>(_buffers.OutWeights, weights);
        _stream.Download(_buffers.OutInfo, new Span<StepInfo>(ref info));
        _stream.Synchronize();
        return new SampledStep(ids, weights, info.Entropy, info.Flags);
    }

    /// <summary>Reads the logits that the last pass computed: [logit rows, vocabulary].</summary>
    public float[] Logits(int logitRows)
    {
        float[] logits = new float[(long)logitRows * _config.VocabularySize];
        _stream.Download<float>(_buffers.Forward.Logits, logits);
        _stream.Synchronize();
        return logits;
    }

    public void Dispose() => _arena.Dispose();

    private void Forward(int rows, int position, int firstToken, int logitRows)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, _chunk);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(logitRows, _logitRows);
        _stream.Upload<int>([.. Enumerable.Range(position, rows)], _buffers.Positions);
        _stream.Upload<int>([0, rows], _buffers.FirstRow);
        _stream.Upload<int>([.. Enumerable.Range(firstToken, rows)], _buffers.TokenIndex);
        _stream.Upload<int>([.. Enumerable.Range(rows - logitRows, logitRows)], _buffers.LogitIndex);
        Batch batch = new()
        {
            Rows = rows,
            Sequences = 1,
            BlocksPerSequence = _cache.Blocks,
            Positions = _buffers.Positions,
            FirstRow = _buffers.FirstRow,
            BlockTables = _buffers.BlockTable,
        };
        EmbedOperation tokens = new()
        {
            Entries = _entries,
            Tokens = FirstUploaded + _chunk,
            Ids = _buffers.TokenIds,
            Weights = _buffers.TokenWeights,
            Index = _buffers.TokenIndex,
        };
        _transformer.Forward(_stream, tokens, batch, _buffers.LogitIndex, logitRows);
    }

    /// <summary>Device memory of a runner.</summary>
    private sealed record Buffers(
        ForwardBuffers Forward, nint TokenIds, nint TokenWeights, nint TokenIndex, nint Positions, nint FirstRow,
        nint BlockTable, nint LogitIndex, nint Slots, nint Sampling, nint State, nint Penalties, nint Counts, nint OutIds,
        nint OutWeights, nint OutInfo, nint Workspace)
    {
        public static Buffers Place(
            DeviceArena arena, Device device, ModelConfig config, int blocks, int entries, int chunk, int logitRows, bool penalizes)
        {
            long tokens = (FirstUploaded + (long)chunk) * entries;
            return new Buffers(
                Forward: ForwardBuffers.Place(arena, config, device.Query().ActivationDtype, chunk, logitRows),
                TokenIds: arena.Take<int>(tokens),
                TokenWeights: arena.Take<float>(tokens),
                TokenIndex: arena.Take<int>(chunk),
                Positions: arena.Take<int>(chunk),
                FirstRow: arena.Take<int>(2),
                BlockTable: arena.Take<int>(blocks),
                LogitIndex: arena.Take<int>(logitRows),
                Slots: arena.Take<int>(1),
                Sampling: arena.Take<SlotSampling>(1),
                State: arena.Take<SequenceState>(1),
                Penalties: arena.Take<Penalties>(1),
                Counts: penalizes ? arena.Take<int>(config.VocabularySize) : 0,
                OutIds: arena.Take<int>(entries),
                OutWeights: arena.Take<float>(entries),
                OutInfo: arena.Take<StepInfo>(1),
                Workspace: arena.Take((long)device.Api->SampleWorkspaceBytes(1, config.VocabularySize)));
        }
    }
}
