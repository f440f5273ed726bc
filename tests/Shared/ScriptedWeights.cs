using System.Text.Json.Nodes;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests;

/// <summary>Weights of a <see cref="ScriptedModel"/>: one layer whose attention copies the token before, and no feed-forward network. The
/// hidden state has one element per token of the chain for the current token, and as many for the one before it; the LM head holds the
/// links of the chain.</summary>
internal sealed class ScriptedWeights
{
    private const int HeadDim = 64, Half = HeadDim / 2, FfnSize = 32, Positions = 4096;

    // Attention sees only the distance: the dot product of query and key is the sum of a² cos(f (distance - 1)) over the first
    // frequencies f, which at any distance but 1 is at most 0.84 of its maximum (up to 4,096 positions).
    private const double RopeTheta = 20, Amplitude = 14;
    private const int Frequencies = 16;

    // A link of weight 1 in the logits.
    private const float Link = 60;

    private readonly ScriptedChain _chain;
    private readonly int[] _ids;
    private readonly int _vocabulary, _columns, _hidden;

    /// <param name="ids">Ids of the chain's tokens.</param>
    public ScriptedWeights(ScriptedChain chain, int[] ids, int vocabulary)
    {
        (_chain, _ids, _vocabulary) = (chain, ids, vocabulary);
        _columns = (ids.Length + 1 + HeadDim - 1) / HeadDim * HeadDim; // column 0 is of all other tokens
        _hidden = 2 * _columns;
    }

    public JsonObject Config() => new()
    {
        ["architectures"] = new JsonArray("Qwen2ForCausalLM"),
        ["hidden_size"] = _hidden,
        ["num_hidden_layers"] = 1,
        ["num_attention_heads"] = _columns / HeadDim,
        ["num_key_value_heads"] = _columns / HeadDim,
        ["head_dim"] = HeadDim,
        ["intermediate_size"] = FfnSize,
        ["vocab_size"] = _vocabulary,
        ["rope_theta"] = RopeTheta,
        ["max_position_embeddings"] = Positions,
        ["bos_token_id"] = null,
    };

    public byte[] ToFile()
    {
        const string Layer = "model.layers.0.", Attention = Layer + "self_attn.";
        float unit = 1 / MathF.Sqrt(_hidden); // of an embedding, normalized
        float[] embedding = new float[_vocabulary * _hidden], values = new float[_columns * _hidden], output = new float[_hidden * _columns];
        for (int id = 0; id < _vocabulary; id++)
            embedding[id * _hidden + 1 + Array.IndexOf(_ids, id)] = 1;
        for (int column = 0; column < _columns; column++)
        {
            values[column * _hidden + column] = unit;
            output[(_columns + column) * _columns + column] = 1;
        }
        SafetensorsWriter file = new();
        file.Add("model.embed_tokens.weight", [_vocabulary, _hidden], embedding)
            .Add("lm_head.weight", [_vocabulary, _hidden], Head())
            .Add(Attention + "q_proj.bias", [_columns], Bias(distance: 1))
            .Add(Attention + "k_proj.bias", [_columns], Bias(distance: 0))
            .Add(Attention + "v_proj.bias", [_columns], new float[_columns])
            .Add(Attention + "q_proj.weight", [_columns, _hidden], new float[_columns * _hidden])
            .Add(Attention + "k_proj.weight", [_columns, _hidden], new float[_columns * _hidden])
            .Add(Attention + "v_proj.weight", [_columns, _hidden], values)
            .Add(Attention + "o_proj.weight", [_hidden, _columns], output)
            .Add(Layer + "mlp.down_proj.weight", [_hidden, FfnSize], new float[_hidden * FfnSize]);
        foreach (string name in new[] { "gate", "up" })
            file.Add($"{Layer}mlp.{name}_proj.weight", [FfnSize, _hidden], new float[FfnSize * _hidden]);
        foreach (string name in new[] { Layer + "input_layernorm", Layer + "post_attention_layernorm", "model.norm" })
            file.Add($"{name}.weight", [_hidden], [.. Enumerable.Repeat(1f, _hidden)]);
        return file.ToBytes();
    }

    private float[] Head()
    {
        float[] head = new float[_vocabulary * _hidden];
        float unit = 1 / MathF.Sqrt(_hidden / 2f); // of a hidden state, which has two ones, normalized
        foreach (((int from, int to, int distance), float weight) in _chain.Links)
            head[_ids[to] * _hidden + (distance - 1) * _columns + 1 + from] = weight * Link * unit;
        return head;
    }

    /// <summary>A constant key, or the query that matches it at a distance.</summary>
    private float[] Bias(int distance)
    {
        float[] bias = new float[_columns];
        for (int head = 0; head < _columns; head += HeadDim)
        {
            for (int i = 0; i < Frequencies; i++)
            {
                (double sin, double cos) = Math.SinCos(distance * Math.Pow(RopeTheta, -2.0 * i / HeadDim));
                bias[head + i] = (float)(Amplitude * cos);
                bias[head + Half + i] = (float)(-Amplitude * sin);
            }
        }
        return bias;
    }
}
