namespace SoftThinking.Checkpoints;

/// <summary>Defaults of keys that are absent from config.json, by architecture: those of the
/// configuration classes of Hugging Face transformers. Null means that there is no value, or that it follows from
/// others. For all architectures: rope_theta 10,000; rms_norm_eps 1e-6; tie_word_embeddings, attention_bias, mlp_bias and
/// use_sliding_window false.</summary>
/// <param name="ClassName">Name in "architectures".</param>
/// <param name="ModelType">Name in "model_type".</param>
/// <param name="KvHeads">Null: as many as query heads.</param>
/// <param name="HeadDim">Null: hidden size / query heads.</param>
/// <param name="SlidingWindow">Positions that a layer with a window sees; null: no window.</param>
/// <param name="MaxWindowLayers">First layer that has the window; null: all have it.</param>
internal sealed record ArchitectureDefaults(
    ModelArchitecture Architecture,
    string ClassName,
    string ModelType,
    int VocabularySize,
    int FfnSize,
    int? KvHeads,
    int? HeadDim,
    int MaxPositions,
    int? SlidingWindow,
    int? MaxWindowLayers,
    int? BosId,
    int? EosId)
{
    public const int HiddenSize = 4096, Layers = 32, Heads = 32;
    public const double RopeTheta = 10_000, NormEpsilon = 1e-6;

    public static readonly ArchitectureDefaults[] All =
    [
        new(ModelArchitecture.Qwen2, "Qwen2ForCausalLM", "qwen2", VocabularySize: 151936, FfnSize: 22016, KvHeads: 32, HeadDim: null,
            MaxPositions: 32768, SlidingWindow: 4096, MaxWindowLayers: 28, BosId: null, EosId: null),
        new(ModelArchitecture.Qwen3, "Qwen3ForCausalLM", "qwen3", VocabularySize: 151936, FfnSize: 22016, KvHeads: 32, HeadDim: 128,
            MaxPositions: 32768, SlidingWindow: 4096, MaxWindowLayers: 28, BosId: null, EosId: null),
        new(ModelArchitecture.Llama, "LlamaForCausalLM", "llama", VocabularySize: 32000, FfnSize: 11008, KvHeads: null, HeadDim: null,
            MaxPositions: 2048, SlidingWindow: null, MaxWindowLayers: null, BosId: 1, EosId: 2),
        new(ModelArchitecture.Mistral, "MistralForCausalLM", "mistral", VocabularySize: 32000, FfnSize: 14336, KvHeads: 8, HeadDim: null,
            MaxPositions: 131072, SlidingWindow: 4096, MaxWindowLayers: null, BosId: 1, EosId: 2),
    ];

    /// <summary>Whether a window is in use only with "use_sliding_window".</summary>
    public bool WindowIsOptional => Architecture is ModelArchitecture.Qwen2 or ModelArchitecture.Qwen3;
}
