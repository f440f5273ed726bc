using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>The tensors of a layer, or a shard's part of them. Null: the layer has no such tensor.</summary>
internal sealed record LayerTensors
{
    /// <summary>What the layer computes with them.</summary>
    public required LayerConfig Config { get; init; }

    /// <summary>[hidden]: of attention's input.</summary>
    public VectorTensors? AttentionNorm { get; init; }

    /// <summary>[(heads + 2 KV heads) head_dim, hidden]: queries, keys, values.</summary>
    public required MatrixTensors Qkv { get; init; }

    /// <summary>[(heads + 2 KV heads) head_dim]</summary>
    public VectorTensors? QkvBias { get; init; }

    /// <summary>[head_dim], or of all heads [heads head_dim]</summary>
    public VectorTensors? QNorm { get; init; }

    /// <summary>[head_dim], or of all heads [KV heads head_dim]</summary>
    public VectorTensors? KNorm { get; init; }

    /// <summary>[hidden, heads head_dim]</summary>
    public required MatrixTensors Output { get; init; }

    /// <summary>[hidden]</summary>
    public VectorTensors? OutputBias { get; init; }

    /// <summary>[hidden]: of attention's output, before it is added to the residual.</summary>
    public VectorTensors? AttentionOutputNorm { get; init; }

    /// <summary>[hidden]: of the feed-forward network's input.</summary>
    public VectorTensors? FeedForwardNorm { get; init; }

    /// <summary>[2 ffn, hidden]: rows of gate and up, interleaved.</summary>
    public MatrixTensors? GateUp { get; init; }

    /// <summary>[hidden, ffn]</summary>
    public MatrixTensors? Down { get; init; }

    /// <summary>[hidden]: of the feed-forward network's output, before it is added to the residual.</summary>
    public VectorTensors? FeedForwardOutputNorm { get; init; }

    /// <summary>In the place of <see cref="GateUp"/> and <see cref="Down"/>.</summary>
    public ExpertTensors? Experts { get; init; }

    public IEnumerable<MatrixTensors> Matrices =>
        new[] { Qkv, Output, GateUp, Down }.OfType<MatrixTensors>().Concat(Experts?.Matrices ?? []);

    public IEnumerable<VectorTensors> Vectors =>
        new[] { AttentionNorm, QkvBias, QNorm, KNorm, OutputBias, AttentionOutputNorm, FeedForwardNorm, FeedForwardOutputNorm }.OfType<VectorTensors>();
}

/// <summary>The experts of a layer that a shard holds, and the router, which every rank has.</summary>
/// <param name="Router">[experts of the layer, hidden]</param>
/// <param name="GateUp">Of each expert, as <see cref="LayerTensors.GateUp"/>.</param>
/// <param name="Down">Of each expert, as <see cref="LayerTensors.Down"/>.</param>
internal sealed record ExpertTensors(MatrixTensors Router, ImmutableArray<MatrixTensors> GateUp, ImmutableArray<MatrixTensors> Down)
{
    public IEnumerable<MatrixTensors> Matrices => [Router, .. GateUp, .. Down];
}
