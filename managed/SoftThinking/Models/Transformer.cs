using SoftThinking.Cache;
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

    /// <summary>Runs the rows of a batch through the model: reads concept tokens, writes keys and values to the cache, and the
    /// logits of the selected rows to <see cref="ForwardBuffers.Logits"/>.</summary>
    /// <param name="tokens">The concept tokens: table, ids, weights, index; rows and output are filled in here.</param>
    /// <param name="logitIndex">Device array of the rows whose logits are computed.</param>
    /// <param name="inputs">Rows that replace those of their tokens.</param>
    /// <param name="fast">Whether layer matmuls may give up batch invariance.</param>
    public void Forward(DeviceStream stream, EmbedOperation tokens, in Batch batch, nint logitIndex, int logitRows, IReadOnlyList<InputRows> inputs, bool fast = false)
    {
        ForwardOperations pass = new(stream, weights, cache, buffers, comm, batch, fast);
        pass.Embed(tokens);
        foreach (InputRows rows in inputs)
            pass.Load(rows);
        pass.ComputeAngles();
        for (int i = 0; i < weights.Layers.Length; i++)
        {
            LayerWeights layer = weights.Layers[i];
            pass.Linear(pass.Input(layer.AttentionNorm), layer.Qkv, layer.QkvBias, buffers.Qkv);
            pass.NormalizeAllHeads(layer);
            pass.RotateAndCache(layer, i);
            pass.Attend(layer, i);
            pass.Output(layer);
            pass.AddToResidual(layer.AttentionOutputNorm);
            pass.FeedForward(layer, pass.Input(layer.FeedForwardNorm));
            pass.AddToResidual(layer.FeedForwardOutputNorm);
        }
        pass.Input(weights.FinalNorm);
        Head(stream, logitIndex, logitRows);
    }

    /// <summary>Writes the logits of rows of the last forward pass to <see cref="ForwardBuffers.Logits"/>.</summary>
    /// <param name="index">Device array of the rows.</param>
    /// <param name="rows">At most as many as there are places for logits.</param>
    public void Head(DeviceStream stream, nint index, int rows)
    {
        (int hidden, int vocabulary) = (weights.Config.HiddenSize, weights.Config.VocabularySize);
        int exact = MultipliesExactly(cache.Layers[0].Dtype) ? 1 : 0;
        stream.GatherRows(new() { Rows = rows, Cols = hidden, Index = index, In = buffers.Normed, Out = buffers.Selected });
        nint logits = comm == null ? buffers.Logits : buffers.ShardLogits;
        stream.Linear(new() { Rows = rows, X = buffers.Selected, W = weights.LmHead, Out = logits, OutF32 = 1, Exact = exact });
        if (comm != null)
            stream.AllGather(comm, new() { Rows = rows, Cols = vocabulary, In = buffers.ShardLogits, Out = buffers.Logits });
    }
}
