using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Tests.Golden;

/// <summary>One sequence through the model, chunk by chunk, with the logits of every row.</summary>
internal sealed class ForwardPass : IDisposable
{
    private readonly ModelConfig _config;
    private readonly Device _device;
    private readonly DeviceStream _stream;
    private readonly ModelWeights _weights;
    private readonly KvCache _cache;
    private readonly DeviceArena _arena;
    private readonly int _entries;
    private ForwardBuffers _buffers = null!;
    private nint _ids, _tokenWeights, _positions, _firstRow, _blockTable, _logitIndex;

    /// <param name="on">Where to compute.</param>
    /// <param name="entries">Places of a concept token.</param>
    /// <param name="rows">Most tokens of a chunk.</param>
    /// <param name="positions">Tokens of the sequence.</param>
    public ForwardPass(TestDevice on, string model, KvDtype kv, int entries, int rows, int positions,
        NativeDtype activations = NativeDtype.F32, WeightFormat format = WeightFormat.Stored)
    {
        using Checkpoint checkpoint = Checkpoint.Open(model);
        (_config, _entries) = (checkpoint.Config, entries);
        _device = on.Open(activations);
        rows = Math.Min(rows, positions);
        _stream = new DeviceStream(_device);
        ModelShard shard = ModelShard.All(_config);
        _weights = ModelWeights.Load(checkpoint, shard, format, _device, _stream, progress: null);
        NativeDtype dtype = kv == KvDtype.F32 ? NativeDtype.F32 : NativeDtype.Bf16;
        _cache = new KvCache(_device, shard, dtype, KvCache.BlocksFor(positions));
        _arena = DeviceArena.Allocate(_device, arena =>
        {
            _buffers = ForwardBuffers.Place(arena, shard, _device.Query().ActivationDtype, rows, rows);
            (_ids, _tokenWeights) = (arena.Reserve<int>(rows * entries), arena.Reserve<float>(rows * entries));
            (_positions, _firstRow, _logitIndex) = (arena.Reserve<int>(rows), arena.Reserve<int>(2), arena.Reserve<int>(rows));
            _blockTable = arena.Reserve<int>(_cache.Blocks);
        });
        _stream.Upload<int>([.. Enumerable.Range(0, _cache.Blocks).Reverse()], _blockTable);
    }

    /// <returns>[tokens, vocabulary]</returns>
    public float[] Logits(ReadOnlySpan<ConceptToken> tokens, int position)
    {
        int[] ids = new int[tokens.Length * _entries];
        float[] weights = new float[ids.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            for (int e = 0; e < tokens[i].Count; e++)
                (ids[i * _entries + e], weights[i * _entries + e]) = tokens[i].Entries[e];
        }
        _stream.Upload<int>(ids, _ids);
        _stream.Upload<float>(weights, _tokenWeights);
        _stream.Upload<int>([.. Enumerable.Range(position, tokens.Length)], _positions);
        _stream.Upload<int>([0, tokens.Length], _firstRow);
        _stream.Upload<int>([.. Enumerable.Range(0, tokens.Length)], _logitIndex);
        EmbedOperation embed = new() { Entries = _entries, Tokens = tokens.Length, Ids = _ids, Weights = _tokenWeights };
        Batch batch = new()
        {
            Rows = tokens.Length,
            Sequences = 1,
            BlocksPerSequence = _cache.Blocks,
            Positions = _positions,
            FirstRow = _firstRow,
            BlockTables = _blockTable,
        };
        new Transformer(_weights, _cache, _buffers).Forward(_stream, embed, batch, _logitIndex, tokens.Length);
        float[] logits = new float[tokens.Length * _config.VocabularySize];
        _stream.Download<float>(_buffers.Logits, logits);
        return logits;
    }

    public void Dispose()
    {
        _arena.Dispose();
        _cache.Dispose();
        _weights.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }
}
