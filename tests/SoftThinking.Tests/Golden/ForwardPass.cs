using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Tests.Golden;

/// <summary>One sequence through the model, chunk by chunk, with the logits of every row; on one device or several.</summary>
internal sealed class ForwardPass : IDisposable
{
    private readonly Rank[] _ranks;

    /// <param name="on">Where to compute.</param>
    /// <param name="entries">Places of a concept token.</param>
    /// <param name="rows">Most tokens of a chunk.</param>
    /// <param name="positions">Tokens of the sequence.</param>
    public ForwardPass(TestDevice on, ITensorSource model, KvDtype kv, int entries, int rows, int positions,
        NativeDtype activations = NativeDtype.F32, WeightFormat format = WeightFormat.Stored, int ranks = 1)
    {
        MatrixFormat inMemory = ModelWeights.FormatOf(model, format);
        NativeDtype dtype = KvPlan.DtypeOf(kv);
        Device[] devices = [.. Enumerable.Range(0, ranks).Select(r => on.Open(activations, r))];
        byte[] id = ranks > 1 ? DeviceComm.NewId(devices[0]) : [];
        _ranks = InParallel(ranks, r => new Rank(
            devices[r], ranks > 1 ? new DeviceComm(devices[r], r, ranks, id, TimeSpan.FromMinutes(1)) : null, model,
            ModelShard.Make(model.Config, r, ranks, inMemory), format, dtype, entries, Math.Min(rows, positions), positions));
    }

    /// <returns>[tokens, vocabulary], the same on every rank</returns>
    public float[] Logits(ReadOnlyMemory<ConceptToken> tokens, int position)
    {
        float[][] logits = InParallel(_ranks.Length, r => _ranks[r].Logits(tokens.Span, position));
        foreach (float[] others in logits)
        {
            if (!Bits.Same(others, logits[0]))
                throw new InvalidOperationException("the ranks have different logits");
        }
        return logits[0];
    }

    public void Dispose()
    {
        foreach (Rank rank in _ranks)
            rank.Dispose();
    }

    private static T[] InParallel<T>(int ranks, Func<int, T> make) =>
        Task.WhenAll(Enumerable.Range(0, ranks).Select(r => Task.Factory.StartNew(() => make(r), TaskCreationOptions.LongRunning))).GetAwaiter().GetResult();

    private sealed class Rank : IDisposable
    {
        private readonly ModelConfig _config;
        private readonly Device _device;
        private readonly DeviceComm? _comm;
        private readonly DeviceStream _stream;
        private readonly ModelWeights _weights;
        private readonly KvCache _cache;
        private readonly DeviceArena _arena;
        private readonly int _entries, _blocks;
        private ForwardBuffers _buffers = null!;
        private nint _ids, _tokenWeights, _positions, _firstRow, _blockTables, _tableOf, _logitIndex;

        public Rank(Device device, DeviceComm? comm, ITensorSource model, ModelShard shard, WeightFormat format, NativeDtype kv, int entries, int rows,
            int positions)
        {
            (_device, _comm, _config, _entries) = (device, comm, model.Config, entries);
            _stream = new DeviceStream(device);
            _weights = ModelWeights.Load(model, shard, format, device, _stream, progress: null);
            _blocks = KvCache.BlocksFor(positions);
            _cache = new KvCache(device, shard, kv, _blocks * KvLayout.Of(shard.Whole).Groups);
            _arena = DeviceArena.Allocate(device, arena =>
            {
                _buffers = ForwardBuffers.Place(arena, shard, device.Query().ActivationDtype, rows, rows);
                (_ids, _tokenWeights) = (arena.Reserve<int>(rows * entries), arena.Reserve<float>(rows * entries));
                (_positions, _firstRow, _logitIndex) = (arena.Reserve<int>(rows), arena.Reserve<int>(2), arena.Reserve<int>(rows));
                (_blockTables, _tableOf) = (arena.Reserve<int>(_cache.Blocks), arena.Reserve<int>(1));
            });
            _stream.Upload<int>([.. Enumerable.Range(0, _cache.Blocks).Reverse()], _blockTables); // of each group of layers
            _stream.Upload<int>([0], _tableOf);
        }

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
                BlocksPerSequence = _blocks,
                Tables = 1,
                Positions = _positions,
                FirstRow = _firstRow,
                BlockTables = _blockTables,
                TableOf = _tableOf,
            };
            new Transformer(_weights, _cache, _buffers, _comm).Forward(_stream, embed, batch, _logitIndex, tokens.Length, []);
            float[] logits = new float[tokens.Length * _config.VocabularySize];
            _stream.Download<float>(_buffers.Logits, logits);
            return logits;
        }

        public void Dispose()
        {
            _comm?.Dispose();
            _arena.Dispose();
            _cache.Dispose();
            _weights.Dispose();
            _stream.Dispose();
            _device.Dispose();
        }
    }
}
