using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>The forward pass of every family; their differences are data in <see cref="ModelWeights"/>. With several ranks,
/// each computes its heads, its columns of the feed-forward network and its ids, and what they sum is summed by the same tree as on
/// one device: the bits do not depend on the number of ranks where that is 1, 2, 4 or 8.</summary>
/// <param name="comm">The ranks that share the model; null for one device.</param>
internal sealed class Transformer(ModelWeights weights, KvCache cache, ForwardBuffers buffers, DeviceComm? comm = null)
{
    /// <summary>Whether the inputs of matmuls stay f32: with an exact KV cache, matmuls are exact too.</summary>
    public static bool MultipliesExactly(NativeDtype cache) => cache == NativeDtype.F32;

    private int Exact => MultipliesExactly(cache.Layers[0].Dtype) ? 1 : 0;

    /// <summary>Runs the rows of a batch through the model: reads concept tokens, writes keys and values to the cache, and the
    /// logits of the selected rows to <see cref="ForwardBuffers.Logits"/>.</summary>
    /// <param name="tokens">The concept tokens: table, ids, weights, index; rows and output are filled in here.</param>
    /// <param name="logitIndex">Device array of the rows whose logits are computed.</param>
    /// <param name="inputs">Rows that replace those of their tokens.</param>
    /// <param name="fast">Whether layer matmuls may give up batch invariance.</param>
    public void Forward(DeviceStream stream, EmbedOperation tokens, Batch batch, nint logitIndex, int logitRows, IReadOnlyList<InputRows> inputs, bool fast = false)
    {
        ModelShard shard = weights.Shard;
        ModelConfig c = shard.Whole;
        ForwardBuffers b = buffers;
        Embed();
        for (int i = 0; i < b.Angles.Length; i++)
        {
            RopeTable rope = weights.RopeTables[i];
            stream.RopeAngles(new()
            {
                Rows = batch.Rows,
                Half = rope.Rotated / 2,
                Magnitude = rope.Magnitude,
                Positions = batch.Positions,
                InverseFrequencies = rope.InverseFrequencies,
                Out = b.Angles[i],
            });
        }
        int exact = Exact;
        nint delta = 0; // not yet in the residual: the next norm of an input adds it
        for (int i = 0; i < weights.Layers.Length; i++)
        {
            LayerWeights w = weights.Layers[i];
            Linear(Input(w.AttentionNorm), w.Qkv, w.QkvBias, b.Qkv);
            if (w.QkNorm == QkNormKind.AllHeads)
            {
                NormHeads(0, shard.Heads.Count, w.QNorm);
                NormHeads(shard.Heads.Count, shard.KvHeads.Count, w.KNorm);
            }
            stream.QkvEpilogue(new()
            {
                Heads = shard.Heads.Count,
                KvHeads = shard.KvHeads.Count,
                HeadDim = c.HeadDim,
                Epsilon = (float)c.NormEpsilon,
                Rotated = w.RopeTable < 0 ? 0 : weights.RopeTables[w.RopeTable].Rotated,
                QNorm = w.QkNorm == QkNormKind.PerHead ? w.QNorm : 0,
                KNorm = w.QkNorm == QkNormKind.PerHead ? w.KNorm : 0,
                Angles = w.RopeTable < 0 ? 0 : b.Angles[w.RopeTable],
                Qkv = b.Qkv,
                Batch = batch,
                Cache = cache.Layers[i],
            });
            stream.Attention(new()
            {
                Heads = shard.Heads.Count,
                KvHeads = shard.KvHeads.Count,
                HeadDim = c.HeadDim,
                Scale = 1 / MathF.Sqrt(c.HeadDim),
                Window = w.Window,
                Qkv = b.Qkv,
                Out = b.Attention,
                Batch = batch,
                Cache = cache.Layers[i],
            });
            SharedLinear(b.Attention, w.Output, shard.Heads.Times(c.HeadDim), w.OutputBias);
            Add(w.AttentionOutputNorm);
            FeedForward(Input(w.FeedForwardNorm), w);
            Add(w.FeedForwardOutputNorm);
        }
        Input(weights.FinalNorm);
        Head(stream, logitIndex, logitRows);

        void Embed()
        {
            stream.Embed(tokens with
            {
                Rows = batch.Rows,
                Vocabulary = c.VocabularySize,
                FirstId = shard.Ids.First,
                Table = weights.Embedding,
                Out = comm == null ? b.Residual : b.Partial,
                OutF32 = comm == null ? 0 : 1,
            });
            Sum(0, b.Residual);
            foreach (InputRows rows in inputs)
                Load(rows);
        }

        void Load(InputRows rows) => stream.LoadRows(new()
        {
            Rows = rows.Count,
            Cols = c.HiddenSize,
            SourceDtype = rows.Dtype,
            Source = rows.Source,
            Out = b.Residual + (nint)rows.Row * c.HiddenSize * b.ElementBytes,
        });

        // The input of a matmul: the residual, normalized if there is a weight. Layers without one have norms of their outputs, so that
        // there is no delta then.
        nint Input(nint weight)
        {
            if (weight == 0)
                return b.Residual;
            stream.RmsNorm(new()
            {
                Rows = batch.Rows,
                Cols = c.HiddenSize,
                Epsilon = (float)c.NormEpsilon,
                Delta = delta,
                Residual = b.Residual,
                Weight = weight,
                Out = b.Normed,
            });
            return b.Normed;
        }

        // Adds the output of a matmul to the residual, at once if it is normalized.
        void Add(nint weight)
        {
            delta = weight == 0 ? b.Delta : 0;
            if (weight != 0)
                Normalize(b.Delta, c.HiddenSize, c.HiddenSize, weight, b.Residual, add: true);
        }

        // Heads of each row together.
        void NormHeads(int first, int count, nint weight)
        {
            nint heads = b.Qkv + (nint)first * c.HeadDim * b.ElementBytes;
            Normalize(heads, count * c.HeadDim, (shard.Heads.Count + 2 * shard.KvHeads.Count) * c.HeadDim, weight, heads, add: false);
        }

        void Normalize(nint x, int cols, int stride, nint weight, nint output, bool add) => stream.Normalize(new()
        {
            Rows = batch.Rows,
            Cols = cols,
            Epsilon = (float)c.NormEpsilon,
            XStride = stride,
            OutStride = stride,
            Add = add ? 1 : 0,
            X = x,
            Weight = weight,
            Out = output,
        });

        void Linear(nint x, Matrix w, nint bias, nint output, bool gated = false) => stream.Linear(new()
        {
            Rows = batch.Rows,
            X = x,
            W = w,
            Bias = bias,
            Out = output,
            Exact = exact,
            Fast = fast ? 1 : 0,
            Gated = gated ? 1 : 0,
        });

        void FeedForward(nint x, LayerWeights w)
        {
            if (w.Experts is ExpertWeights experts)
            {
                ExpertNetwork.Run(stream, experts, b, batch, x, comm == null ? b.Delta : b.Partial, outputIsF32: comm != null, exact);
                Sum(0, b.Delta);
                return;
            }
            Linear(x, w.GateUp, 0, b.Activated, gated: true);
            SharedLinear(b.Activated, w.Down, shard.Ffn, 0);
        }

        // Each rank has the inputs and the columns of its window.
        void SharedLinear(nint x, Matrix w, Window cols, nint bias)
        {
            stream.Linear(new()
            {
                Rows = batch.Rows,
                X = x,
                W = w,
                Bias = comm == null ? bias : 0,
                Out = comm == null ? b.Delta : b.Partial,
                OutF32 = comm == null ? 0 : 1,
                Exact = exact,
                Fast = fast ? 1 : 0,
                TotalCols = cols.Total,
                FirstCol = cols.First,
            });
            Sum(bias, b.Delta);
        }

        // Adds the ranks' parts.
        void Sum(nint bias, nint output)
        {
            if (comm != null)
                stream.AllSum(comm, new() { Rows = batch.Rows, Cols = c.HiddenSize, In = b.Partial, Bias = bias, Out = output });
        }
    }

    /// <summary>Writes the logits of rows of the last forward pass to <see cref="ForwardBuffers.Logits"/>.</summary>
    /// <param name="index">Device array of the rows.</param>
    /// <param name="rows">At most as many as there are places for logits.</param>
    public void Head(DeviceStream stream, nint index, int rows)
    {
        ModelConfig c = weights.Shard.Whole;
        stream.GatherRows(new() { Rows = rows, Cols = c.HiddenSize, Index = index, In = buffers.Normed, Out = buffers.Selected });
        nint logits = comm == null ? buffers.Logits : buffers.ShardLogits;
        stream.Linear(new() { Rows = rows, X = buffers.Selected, W = weights.LmHead, Out = logits, OutF32 = 1, Exact = Exact });
        if (comm != null)
            stream.AllGather(comm, new() { Rows = rows, Cols = c.VocabularySize, In = buffers.ShardLogits, Out = buffers.Logits });
    }
}
