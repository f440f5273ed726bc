using System.Collections.Immutable;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints.Families;

/// <summary>A family of models: what its config.json means where families differ, what its layers are, and what its tensors are
/// called. Each has a file, and a place in <see cref="All"/>.</summary>
/// <param name="architecture">The family in the public interface.</param>
/// <param name="className">Name in "architectures".</param>
/// <param name="modelType">Name in "model_type".</param>
internal abstract class ModelFamily(ModelArchitecture architecture, string className, string modelType)
{
    /// <summary>The families that the engine runs.</summary>
    public static ImmutableArray<ModelFamily> All { get; } =
        [new Qwen2(), new Qwen3(), new Qwen3Moe(), new Llama(), new Mistral(), new Phi3(), new SmolLM3(), new Olmo3()];

    public ModelArchitecture Architecture => architecture;

    public string ClassName => className;

    public string ModelType => modelType;

    public abstract FamilyDefaults Defaults { get; }

    public static ModelFamily Of(ModelArchitecture architecture) => All.First(family => family.Architecture == architecture);

    /// <summary>Which projections of attention have biases: query, key and value; output.</summary>
    /// <param name="attentionBias">The value of "attention_bias".</param>
    public abstract (bool Qkv, bool Output) Biases(bool attentionBias);

    /// <summary>Whether this "rope_type" means "longrope".</summary>
    public virtual bool IsLongRope(string type) => type == "longrope";

    /// <summary>What a layer computes if all are alike.</summary>
    public virtual LayerConfig Layer => new();

    /// <summary>What each layer computes; null: all are alike.</summary>
    /// <param name="config">The settings that all layers share; its layers have their windows.</param>
    public virtual IEnumerable<LayerConfig>? ReadLayers(JsonSettings json, ModelConfig config) => null;

    /// <summary>The tensors of a layer, by the names that most families use.</summary>
    public virtual LayerTensors Tensors(ModelShard shard, int layer)
    {
        ModelConfig config = shard.Whole;
        Window hidden = Window.All(config.HiddenSize), queries = shard.Heads.Times(config.HeadDim), keys = shard.KvHeads.Times(config.HeadDim);
        string at = $"model.layers.{layer}.", attention = at + "self_attn.", mlp = at + "mlp.";
        return new LayerTensors
        {
            Config = config.LayerConfigs[layer],
            AttentionNorm = VectorTensors.Of(at + "input_layernorm.weight", hidden),
            Qkv = MatrixTensors.Stacked(
                MatrixRole.Projection, hidden, new(attention + "q_proj", queries), new(attention + "k_proj", keys), new(attention + "v_proj", keys)),
            QkvBias = config.QkvBias
                ? new([new(attention + "q_proj.bias", queries), new(attention + "k_proj.bias", keys), new(attention + "v_proj.bias", keys)])
                : null,
            Output = MatrixTensors.Stacked(MatrixRole.Projection, queries, new MatrixPart(attention + "o_proj", hidden)),
            OutputBias = config.OutputBias ? VectorTensors.Of(attention + "o_proj.bias", hidden) : null,
            FeedForwardNorm = VectorTensors.Of(at + "post_attention_layernorm.weight", hidden),
            GateUp = MatrixTensors.Interleaved(
                MatrixRole.Projection, hidden, new(mlp + "gate_proj", shard.Ffn), new(mlp + "up_proj", shard.Ffn)),
            Down = MatrixTensors.Stacked(MatrixRole.Projection, shard.Ffn, new MatrixPart(mlp + "down_proj", hidden)),
        };
    }
}
