using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>The operations of one forward pass of <see cref="Transformer"/>, in the words of the model. Each launches work on the stream, for
/// all rows of the batch.</summary>
internal ref struct ForwardOperations
{
    private readonly DeviceStream _stream;
    private readonly ModelWeights _weights;
    private readonly KvCache _cache;
    private readonly ForwardBuffers _buffers;
    private readonly DeviceComm? _comm;
    private readonly Batch _batch;
    private readonly int _fast, _exact;
    private nint _delta; // not yet in the residual: the next norm of an input adds it

    public ForwardOperations(DeviceStream stream, ModelWeights weights, KvCache cache, ForwardBuffers buffers, DeviceComm? comm, in Batch batch, bool fast)
    {
        (_stream, _weights, _cache, _buffers, _comm, _batch) = (stream, weights, cache, buffers, comm, batch);
        _fast = fast ? 1 : 0;
        _exact = Transformer.MultipliesExactly(cache.Layers[0].Dtype) ? 1 : 0;
    }

    private readonly ModelShard Shard => _weights.Shard;

    private readonly ModelConfig Config => _weights.Config;

    // Where a rank writes its part of a sum over ranks.
    private readonly nint Summand(nint whole) => _comm == null ? whole : _buffers.Partial;

    private readonly int SummandIsF32 => _comm == null ? 0 : 1;

    /// <summary>Begins the residual with the mixtures of embeddings.</summary>
    public readonly void Embed(EmbedOperation tokens)
    {
        _stream.Embed(tokens with
        {
            Rows = _batch.Rows,
            Vocabulary = Config.VocabularySize,
            FirstId = Shard.Ids.First,
            Table = _weights.Embedding,
            Out = Summand(_buffers.Residual),
            OutF32 = SummandIsF32,
        });
        Sum(0, _buffers.Residual);
    }

    /// <summary>Replaces rows of the residual.</summary>
    public readonly void Load(InputRows rows) => _stream.LoadRows(new()
    {
        Rows = rows.Count,
        Cols = Config.HiddenSize,
        SourceDtype = rows.Dtype,
        Source = rows.Source,
        Out = _buffers.Residual + (nint)rows.Row * Config.HiddenSize * _buffers.ElementBytes,
    });

    /// <summary>Computes the angles of every rotary embedding of the model.</summary>
    public readonly void ComputeAngles()
    {
        for (int i = 0; i < _buffers.Angles.Length; i++)
        {
            RopeTable rope = _weights.RopeTables[i];
            _stream.RopeAngles(new()
            {
                Rows = _batch.Rows,
                Half = rope.Rotated / 2,
                Magnitude = rope.Magnitude,
                Positions = _batch.Positions,
                InverseFrequencies = rope.InverseFrequencies,
                Out = _buffers.Angles[i],
            });
        }
    }

    /// <summary>The input of a matmul: the residual, normalized if there is a weight. Layers without one have norms of their outputs, so
    /// that nothing has to be added to the residual first.</summary>
    public readonly nint Input(nint weight)
    {
        if (weight == 0)
            return _buffers.Residual;
        _stream.RmsNorm(new()
        {
            Rows = _batch.Rows,
            Cols = Config.HiddenSize,
            Epsilon = (float)Config.NormEpsilon,
            Delta = _delta,
            Residual = _buffers.Residual,
            Weight = weight,
            Out = _buffers.Normed,
        });
        return _buffers.Normed;
    }

    /// <summary>Adds the output of attention or of the feed-forward network to the residual, at once if it has a norm.</summary>
    public void AddToResidual(nint weight)
    {
        _delta = weight == 0 ? _buffers.Delta : 0;
        if (weight != 0)
            Normalize(_buffers.Delta, Config.HiddenSize, Config.HiddenSize, weight, _buffers.Residual, add: true);
    }

    public readonly void Linear(nint x, Matrix w, nint bias, nint output, bool gated = false) => _stream.Linear(new()
    {
        Rows = _batch.Rows,
        X = x,
        W = w,
        Bias = bias,
        Out = output,
        Exact = _exact,
        Fast = _fast,
        Gated = gated ? 1 : 0,
    });

    /// <summary>Norms of queries and of keys that span all heads of a row; others are part of <see cref="RotateAndCache"/>.</summary>
    public readonly void NormalizeAllHeads(in LayerWeights layer)
    {
        if (layer.QkNorm != QkNormKind.AllHeads)
            return;
        NormalizeHeads(0, Shard.Heads.Count, layer.QNorm);
        NormalizeHeads(Shard.Heads.Count, Shard.KvHeads.Count, layer.KNorm);
    }

    /// <summary>Rotates queries and keys, and writes keys and values to the cache.</summary>
    public readonly void RotateAndCache(in LayerWeights layer, int index) => _stream.QkvEpilogue(new()
    {
        Heads = Shard.Heads.Count,
        KvHeads = Shard.KvHeads.Count,
        HeadDim = Config.HeadDim,
        Epsilon = (float)Config.NormEpsilon,
        Rotated = layer.RopeTable < 0 ? 0 : _weights.RopeTables[layer.RopeTable].Rotated,
        QNorm = layer.QkNorm == QkNormKind.PerHead ? layer.QNorm : 0,
        KNorm = layer.QkNorm == QkNormKind.PerHead ? layer.KNorm : 0,
        Angles = layer.RopeTable < 0 ? 0 : _buffers.Angles[layer.RopeTable],
        Qkv = _buffers.Qkv,
        Batch = BatchOf(index),
        Cache = _cache.Layers[index],
    });

    public readonly void Attend(in LayerWeights layer, int index) => _stream.Attention(new()
    {
        Heads = Shard.Heads.Count,
        KvHeads = Shard.KvHeads.Count,
        HeadDim = Config.HeadDim,
        Scale = 1 / MathF.Sqrt(Config.HeadDim),
        Window = layer.Window,
        Qkv = _buffers.Qkv,
        Out = _buffers.Attention,
        Batch = BatchOf(index),
        Cache = _cache.Layers[index],
    });

    /// <summary>The output projection of attention.</summary>
    public readonly void Output(in LayerWeights layer) =>
        SharedLinear(_buffers.Attention, layer.Output, Shard.Heads.Times(Config.HeadDim), layer.OutputBias);

    public readonly void FeedForward(in LayerWeights layer, nint x)
    {
        if (layer.Experts is ExpertWeights experts)
        {
            ExpertNetwork.Run(_stream, experts, _buffers, _batch, x, Summand(_buffers.Delta), outputIsF32: _comm != null, _exact);
            Sum(0, _buffers.Delta);
            return;
        }
        Linear(x, layer.GateUp, 0, _buffers.Activated, gated: true);
        SharedLinear(_buffers.Activated, layer.Down, Shard.Ffn, 0);
    }

    // Of which each rank has the inputs and the columns of its window.
    private readonly void SharedLinear(nint x, Matrix w, Window cols, nint bias)
    {
        _stream.Linear(new()
        {
            Rows = _batch.Rows,
            X = x,
            W = w,
            Bias = _comm == null ? bias : 0,
            Out = Summand(_buffers.Delta),
            OutF32 = SummandIsF32,
            Exact = _exact,
            Fast = _fast,
            TotalCols = cols.Total,
            FirstCol = cols.First,
        });
        Sum(bias, _buffers.Delta);
    }

    // Adds the ranks' parts.
    private readonly void Sum(nint bias, nint output)
    {
        if (_comm != null)
            _stream.AllSum(_comm, new() { Rows = _batch.Rows, Cols = Config.HiddenSize, In = _buffers.Partial, Bias = bias, Out = output });
    }

    private readonly void NormalizeHeads(int first, int count, nint weight)
    {
        nint heads = _buffers.Qkv + (nint)first * Config.HeadDim * _buffers.ElementBytes;
        Normalize(heads, count * Config.HeadDim, (Shard.Heads.Count + 2 * Shard.KvHeads.Count) * Config.HeadDim, weight, heads, add: false);
    }

    private readonly void Normalize(nint x, int cols, int stride, nint weight, nint output, bool add) => _stream.Normalize(new()
    {
        Rows = _batch.Rows,
        Cols = cols,
        Epsilon = (float)Config.NormEpsilon,
        XStride = stride,
        OutStride = stride,
        Add = add ? 1 : 0,
        X = x,
        Weight = weight,
        Out = output,
    });

    // With the block tables of the layer's group.
    private readonly Batch BatchOf(int layer)
    {
        nint tables = (nint)_cache.Layout.Layers[layer].Group * _batch.Tables * _batch.BlocksPerSequence;
        return _batch with { BlockTables = _batch.BlockTables + tables * sizeof(int) };
    }
}
