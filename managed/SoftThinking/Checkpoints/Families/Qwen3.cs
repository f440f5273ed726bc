namespace SoftThinking.Checkpoints.Families;

/// <summary>Qwen3, dense: queries and keys are normalized per head.</summary>
internal sealed class Qwen3() : ModelFamily(ModelArchitecture.Qwen3, "Qwen3ForCausalLM", "qwen3")
{
    public override FamilyDefaults Defaults { get; } = new()
    {
        VocabularySize = 151936,
        FfnSize = 22016,
        KvHeads = 32,
        HeadDim = 128,
        MaxPositions = 32768,
        Window = new(4096, FirstLayer: 28),
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => (attentionBias, attentionBias);

    public override LayerConfig Layer => base.Layer with { QkNorm = QkNormKind.PerHead };

    public override LayerTensors Tensors(ModelShard shard, int layer)
    {
        string attention = $"model.layers.{layer}.self_attn.";
        Window head = Window.All(shard.Whole.HeadDim);
        return base.Tensors(shard, layer) with
        {
            QNorm = VectorTensors.Of(attention + "q_norm.weight", head),
            KNorm = VectorTensors.Of(attention + "k_norm.weight", head),
        };
    }
}
