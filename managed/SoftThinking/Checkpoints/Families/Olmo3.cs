using SoftThinking.Files;

namespace SoftThinking.Checkpoints.Families;

/// <summary>Olmo 3: norms of what attention and the feed-forward network add to the residual instead of their inputs, norms of queries
/// and keys over all heads, and windows on three of four layers, whose rotary embedding is not scaled.</summary>
internal sealed class Olmo3() : ModelFamily(ModelArchitecture.Olmo3, "Olmo3ForCausalLM", "olmo3")
{
    public override FamilyDefaults Defaults { get; } = new()
    {
        VocabularySize = 50304,
        FfnSize = 11008,
        MaxPositions = 2048,
        NormEpsilon = 1e-5,
        EosId = 50279,
        Window = new(4096, FullEvery: 4),
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => (attentionBias, attentionBias);

    public override LayerConfig Layer => base.Layer with { QkNorm = QkNormKind.AllHeads };

    public override IEnumerable<LayerConfig> ReadLayers(JsonSettings json, ModelConfig config) =>
        config.LayerConfigs.Zip(SlidingWindow.FindLayers(json, config), (layer, slides) =>
            slides ? layer with { Rope = LayerRope.Unscaled } : layer);

    public override LayerTensors Tensors(ModelShard shard, int layer)
    {
        ModelConfig config = shard.Whole;
        string at = $"model.layers.{layer}.";
        Window hidden = Window.All(config.HiddenSize);
        return base.Tensors(shard, layer) with
        {
            AttentionNorm = null,
            QNorm = VectorTensors.Of(at + "self_attn.q_norm.weight", shard.Heads.Times(config.HeadDim)),
            KNorm = VectorTensors.Of(at + "self_attn.k_norm.weight", shard.KvHeads.Times(config.HeadDim)),
            AttentionOutputNorm = VectorTensors.Of(at + "post_attention_layernorm.weight", hidden),
            FeedForwardNorm = null,
            FeedForwardOutputNorm = VectorTensors.Of(at + "post_feedforward_layernorm.weight", hidden),
        };
    }
}
