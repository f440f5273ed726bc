using SoftThinking.Checkpoints;

namespace SoftThinking.Diagnostics;

/// <summary>The sizes of a model, without weights: what a benchmark needs of it.</summary>
/// <param name="Name">Name in lower case.</param>
/// <param name="Config">The sizes.</param>
public sealed record ModelShape(string Name, ModelConfig Config)
{
    /// <summary>The shapes of published models, by the values of their config.json.</summary>
    public static IReadOnlyList<ModelShape> Published { get; } =
    [
        new("qwen2.5-0.5b", Qwen2(hidden: 896, layers: 24, heads: 14, kvHeads: 2, headDim: 64, ffn: 4864, vocabulary: 151936, tied: true)),
        new("qwen2.5-1.5b", Qwen2(hidden: 1536, layers: 28, heads: 12, kvHeads: 2, headDim: 128, ffn: 8960, vocabulary: 151936, tied: true)),
        new("qwen2.5-7b", Qwen2(hidden: 3584, layers: 28, heads: 28, kvHeads: 4, headDim: 128, ffn: 18944, vocabulary: 152064, tied: false)),
        new("qwen3-8b", Qwen2(hidden: 4096, layers: 36, heads: 32, kvHeads: 8, headDim: 128, ffn: 12288, vocabulary: 151936, tied: false) with
        {
            Architecture = ModelArchitecture.Qwen3,
            QkvBias = false,
            MaxPositions = 40960,
        }),
        new("llama-3.1-8b", Qwen2(hidden: 4096, layers: 32, heads: 32, kvHeads: 8, headDim: 128, ffn: 14336, vocabulary: 128256, tied: false) with
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
    ];

    /// <summary>Name in lower case.</summary>
    public string Name { get; init; } = OptionRange.NotNull(Name);

    /// <summary>The sizes.</summary>
    public ModelConfig Config { get; init; } = OptionRange.NotNull(Config);

    /// <summary>Elements of all tensors.</summary>
    public long Parameters
    {
        get
        {
            ModelConfig c = Config;
            long queries = c.Heads * c.HeadDim, qkv = queries + 2L * c.KvHeads * c.HeadDim;
            long layer = c.HiddenSize * (qkv + queries + 3L * c.FfnSize) + 2L * c.HiddenSize
                + (c.QkvBias ? qkv : 0) + (c.OutputBias ? c.HiddenSize : 0) + (c.QkNorm ? 2L * c.HeadDim : 0);
            long embeddings = (long)c.VocabularySize * c.HiddenSize * (c.TieWordEmbeddings ? 1 : 2);
            return c.Layers * layer + embeddings + c.HiddenSize;
        }
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
