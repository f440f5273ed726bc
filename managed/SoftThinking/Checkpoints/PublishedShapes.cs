namespace SoftThinking.Checkpoints;

/// <summary>The sizes of published models, by the values of their config.json.</summary>
internal static class PublishedShapes
{
    /// <summary>Names are in lower case.</summary>
    public static IReadOnlyList<(string Name, ModelConfig Config)> All { get; } =
    [
        ("qwen2.5-0.5b", Qwen2(hidden: 896, layers: 24, heads: 14, kvHeads: 2, headDim: 64, ffn: 4864, vocabulary: 151936, tied: true)),
        ("qwen2.5-1.5b", Qwen2(hidden: 1536, layers: 28, heads: 12, kvHeads: 2, headDim: 128, ffn: 8960, vocabulary: 151936, tied: true)),
        ("qwen2.5-7b", Qwen2(hidden: 3584, layers: 28, heads: 28, kvHeads: 4, headDim: 128, ffn: 18944, vocabulary: 152064, tied: false)),
        ("qwen3-8b", Qwen2(hidden: 4096, layers: 36, heads: 32, kvHeads: 8, headDim: 128, ffn: 12288, vocabulary: 151936, tied: false) with
        {
            Architecture = ModelArchitecture.Qwen3,
            QkvBias = false,
            MaxPositions = 40960,
        }),
        ("qwen3-30b-a3b", Qwen3Moe(layers: 48)),
        ("qwen3-30b-a3b-8-layers", Qwen3Moe(layers: 8)), // of 48: for machines without 60 GB of memory
        ("llama-3.1-8b", Qwen2(hidden: 4096, layers: 32, heads: 32, kvHeads: 8, headDim: 128, ffn: 14336, vocabulary: 128256, tied: false) with
        {
            Architecture = ModelArchitecture.Llama,
            QkvBias = false,
            MaxPositions = 131072,
            NormEpsilon = 1e-5,
            RopeTheta = 500000,
            RopeScaling = new Llama3RopeScaling(8, 1, 4, 8192),
            BosId = 128000,
            EosIds = [128001],
        }),
        // With the frequencies of its original length: the factors of LongRoPE cost nothing.
        ("phi-4-mini", Qwen2(hidden: 3072, layers: 32, heads: 24, kvHeads: 8, headDim: 128, ffn: 8192, vocabulary: 200064, tied: true) with
        {
            Architecture = ModelArchitecture.Phi3,
            QkvBias = false,
            MaxPositions = 131072,
            NormEpsilon = 1e-5,
            RopeTheta = 10000,
            RotatedPart = 0.75,
            BosId = 199999,
            EosIds = [199999],
        }),
        ("olmo-3-7b", Olmo3(layers: 32)),
        ("olmo-3-7b-4-layers", Olmo3(layers: 4)), // for long contexts on small machines
    ];

    // 128 experts, 8 of them a token, in every layer.
    private static ModelConfig Qwen3Moe(int layers)
    {
        ModelConfig config = Qwen2(hidden: 2048, layers, heads: 32, kvHeads: 4, headDim: 128, ffn: 6144, vocabulary: 151936, tied: false) with
        {
            Architecture = ModelArchitecture.Qwen3Moe,
            QkvBias = false,
            MaxPositions = 40960,
        };
        return config with { LayerConfigs = [config.Family.Layer with { Experts = new ExpertConfig(128, 8, 768, Normalizes: true) }] };
    }

    // Windows of 4096 positions on three of four layers.
    private static ModelConfig Olmo3(int layers)
    {
        ModelConfig config = Qwen2(hidden: 4096, layers, heads: 32, kvHeads: 32, headDim: 128, ffn: 11008, vocabulary: 100278, tied: false) with
        {
            Architecture = ModelArchitecture.Olmo3,
            QkvBias = false,
            MaxPositions = 65536,
            RopeTheta = 500000,
            RopeScaling = new YarnRopeScaling(8, 8192, 32, 1, Truncates: true, Attention: 1.2079),
            BosId = null,
            EosIds = [100257],
        };
        LayerConfig full = config.Family.Layer, sliding = full with { Rope = LayerRope.Unscaled, Window = 4096 };
        return config with { LayerConfigs = [sliding, sliding, sliding, full] };
    }

    private static ModelConfig Qwen2(
        int hidden, int layers, int heads, int kvHeads, int headDim, int ffn, int vocabulary, bool tied) => new()
        {
            Architecture = ModelArchitecture.Qwen2,
            HiddenSize = hidden,
            Layers = layers,
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = headDim,
            FfnSize = ffn,
            VocabularySize = vocabulary,
            TieWordEmbeddings = tied,
            RopeTheta = 1e6,
            RopeScaling = new UnscaledRope(),
            NormEpsilon = 1e-6,
            MaxPositions = 32768,
            QkvBias = true,
            OutputBias = false,
            BosId = 151643,
            EosIds = [151645],
        };
}
