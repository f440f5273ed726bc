using System.Collections.Immutable;
using SoftThinking.Checkpoints.Families;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Families of models that this engine runs.</summary>
public enum ModelArchitecture
{
    /// <summary>Qwen2, Qwen2.5, QwQ and the DeepSeek-R1 distills onto them.</summary>
    Qwen2,

    /// <summary>Qwen3, dense.</summary>
    Qwen3,

    /// <summary>Llama 2 and 3.x, and the DeepSeek-R1 distills onto them.</summary>
    Llama,

    /// <summary>Mistral, with a sliding window or without.</summary>
    Mistral,

    /// <summary>Phi-3, Phi-3.5, Phi-4 and Phi-4-mini.</summary>
    Phi3,

    /// <summary>SmolLM3.</summary>
    SmolLM3,

    /// <summary>Olmo 3.</summary>
    Olmo3,

    /// <summary>Qwen3 with experts.</summary>
    Qwen3Moe,
}

/// <summary>The settings in config.json, validated: every number is in range, and they are consistent. Keys
/// of config.json are in quotes. An absent key has the default of transformers' configuration class for the
/// architecture.</summary>
public sealed record ModelConfig
{
    /// <summary>Family, from "architectures", or from "model_type" where that is absent.</summary>
    public required ModelArchitecture Architecture { get; init; }

    /// <summary>Elements of a hidden state, "hidden_size": 1 to 2^17.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Transformer layers, "num_hidden_layers": 1 to 1024.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads per layer, "num_attention_heads": 1 to 4096, a multiple of <see cref="KvHeads"/>.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads per layer, "num_key_value_heads": where absent 8 for Mistral, 32 for Qwen2 and Qwen3, else as
    /// many as query heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Elements per head, "head_dim": even, 2 to 512. Where absent 128 for Qwen3 (as Hugging Face has it),
    /// else hidden size / heads. Heads × this need not equal the hidden size.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Inner elements of the feed-forward network, "intermediate_size": 1 to 2^20.</summary>
    public required int FfnSize { get; init; }

    /// <summary>Rows of the embedding, "vocab_size": 1 to 2^22. May exceed the tokenizer's tokens.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Whether the LM head is the embedding, "tie_word_embeddings"; false where absent.</summary>
    public required bool TieWordEmbeddings { get; init; }

    /// <summary>Base of the rotary embedding, "rope_theta" at the top or within "rope_scaling" or "rope_parameters"; 10,000
    /// where absent.</summary>
    public required double RopeTheta { get; init; }

    /// <summary>Scaling of the rotary embedding, from "rope_scaling" or "rope_parameters".</summary>
    internal RopeScaling RopeScaling { get; init; } = new UnscaledRope();

    /// <summary>The part of a head that rotates, "partial_rotary_factor": above 0, at most 1; 1 where absent.</summary>
    internal double RotatedPart { get; init; } = 1;

    /// <summary>Added to the mean square in RMS norms, "rms_norm_eps": above 0, at most 1; 1e-6 where absent.</summary>
    public required double NormEpsilon { get; init; }

    /// <summary>Maximum positions of the model, "max_position_embeddings": 1 to 2^28.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Whether the query, key and value projections have biases: always for Qwen2, never for Mistral, else
    /// "attention_bias".</summary>
    public required bool QkvBias { get; init; }

    /// <summary>Whether the output projection of attention has a bias: "attention_bias" for Llama and Qwen3, else
    /// never.</summary>
    public required bool OutputBias { get; init; }

    /// <summary>Whether an RMS norm per head is applied to queries and keys before the rotary embedding: Qwen3.</summary>
    public bool QkNorm => LayerConfigs.Any(layer => layer.QkNorm != QkNormKind.None);

    /// <summary>Positions that attention sees in the layers of <see cref="SlidingLayers"/>, the token's own included: "sliding_window",
    /// where it hides a position of the model. Null: every layer sees all.</summary>
    public int? SlidingWindow => LayerConfigs.Max(layer => layer.Window);

    /// <summary>The layers, from 0 on, whose attention has the sliding window: from "layer_types", "max_window_layers" or the rule of the
    /// family.</summary>
    public ImmutableArray<int> SlidingLayers => [.. LayerConfigs.Index().Where(layer => layer.Item.Window != null).Select(layer => layer.Index)];

    /// <summary>Token that begins a text, "bos_token_id"; where absent 1 for Llama and Mistral. Null: none.</summary>
    public required int? BosId { get; init; }

    /// <summary>Tokens that end a text, "eos_token_id" (one or a list); where absent 2 for Llama and Mistral. May be empty.
    /// See <see cref="GenerationDefaults.EosIds"/> for all tokens that end generation.</summary>
    public required ImmutableArray<int> EosIds { get; init; }

    /// <summary>How matrices are quantized; null: none are, as far as the configuration says.</summary>
    internal Fp8Config? Quantization { get; init; }

    internal ModelFamily Family => ModelFamily.Of(Architecture);

    /// <summary>The rotary embedding of layers that have no other.</summary>
    internal RopeConfig Rope => new(RopeTheta, RopeScaling, RotatedPart);

    /// <summary>What each layer computes. Fewer that are set than there are layers repeat; of more the first count. So there are as many as
    /// <see cref="Layers"/> whatever a <c>with</c> changes. Not set: all are alike, as <see cref="ModelFamily.Layer"/> says.</summary>
    internal ImmutableArray<LayerConfig> LayerConfigs
    {
        get
        {
            ImmutableArray<LayerConfig> set = field.IsDefault ? [Family.Layer] : field;
            return [.. Enumerable.Range(0, Layers).Select(layer => set[layer % set.Length])];
        }

        init;
    }

    /// <summary>How a layer rotates queries and keys; null: it does not.</summary>
    internal RopeConfig? RopeOf(LayerConfig layer) => layer.Rope switch
    {
        LayerRope.Model => Rope,
        LayerRope.Unscaled => Rope with { Scaling = new UnscaledRope() },
        _ => null,
    };

    /// <summary>The different rotary embeddings of the layers.</summary>
    internal ImmutableArray<RopeConfig> RopeTables => [.. LayerConfigs.Select(RopeOf).OfType<RopeConfig>().Distinct()];

    /// <summary>The same model for contexts of at most <paramref name="positions"/>.</summary>
    internal ModelConfig ForContext(int positions) => this with { RopeScaling = RopeScaling.ForContext(positions) };

    /// <summary>Elements of all tensors.</summary>
    internal long Parameters
    {
        get
        {
            ModelTensors tensors = ModelTensors.Of(ModelShard.All(this));
            return tensors.StoredMatrices.Values.Sum(size => (long)size.Rows * size.Cols) + tensors.StoredVectors.Values.Sum(size => (long)size);
        }
    }

    /// <summary>Reads and checks a config.json.</summary>
    /// <param name="file">Path of the file.</param>
    /// <exception cref="ModelFileException">The file does not exist or is broken, a value is out of its range, two spellings
    /// of a key disagree, or the model needs a feature that the engine does not support: another architecture, activation or RoPE
    /// scaling, quantized weights.</exception>
    internal static ModelConfig Load(string file) => ModelConfigReader.Read(JsonSettings.Load(file));
}
