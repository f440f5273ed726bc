namespace SoftThinking.Checkpoints;

/// <summary>The tensors of a layer, or a shard's part of them. Null: the layer has no such tensor.</summary>
internal sealed record LayerTensors
{
    /// <summary>[hidden]</summary>
    public required VectorTensors InputNorm { get; init; }

    /// <summary>[(heads + 2 KV heads) head_dim, hidden]: queries, keys, values.</summary>
    public required MatrixTensors Qkv { get; init; }

    /// <summary>[(heads + 2 KV heads) head_dim]</summary>
    public VectorTensors? QkvBias { get; init; }

    /// <summary>[head_dim]</summary>
    public VectorTensors? QNorm { get; init; }

    /// <summary>[head_dim]</summary>
    public VectorTensors? KNorm { get; init; }

    /// <summary>[hidden, heads head_dim]</summary>
    public required MatrixTensors Output { get; init; }

    /// <summary>[hidden]</summary>
    public VectorTensors? OutputBias { get; init; }

    /// <summary>[hidden]</summary>
    public required VectorTensors PostAttentionNorm { get; init; }

    /// <summary>[2 ffn, hidden]: rows of gate and up, interleaved.</summary>
    public required MatrixTensors GateUp { get; init; }

    /// <summary>[hidden, ffn]</summary>
    public required MatrixTensors Down { get; init; }

    public IEnumerable<MatrixTensors> Matrices => [Qkv, Output, GateUp, Down];

    public IEnumerable<VectorTensors> Vectors =>
        new[] { InputNorm, QkvBias, QNorm, KNorm, OutputBias, PostAttentionNorm }.OfType<VectorTensors>();
}
