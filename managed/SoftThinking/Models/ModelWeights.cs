using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Weights of one layer on the device. A pointer is 0 if the architecture has no such weight.</summary>
internal readonly record struct LayerWeights(
    nint InputNorm,
    Matrix Qkv,
    nint QkvBias,
    nint QNorm,
    nint KNorm,
    Matrix Output,
    nint OutputBias,
    nint PostAttentionNorm,
    Matrix GateUp,
    Matrix Down);

/// <summary>All weights of a model on a device, packed. Matrices with the same input are combined (q, k and v stacked, the rows
/// of gate and up interleaved), so that one matmul computes them.</summary>
internal sealed class ModelWeights : IDisposable
{
    private readonly DeviceArena _arena;

    private ModelWeights(ITensorSource source, WeightFormat format, Device device, DeviceStream stream, Action<double>? progress,
        CancellationToken cancellation)
    {
        Config = source.Config;
        _arena = DeviceArena.Allocate(device, arena => LayOut(new WeightLoader(source, format, device, stream, arena, progress, cancellation)));
        stream.Synchronize();
    }

    public ModelConfig Config { get; }

    public Matrix Embedding { get; private set; }

    /// <summary>[vocabulary, hidden]; the embedding itself if the two are tied.</summary>
    public Matrix LmHead { get; private set; }

    public nint FinalNorm { get; private set; }

    /// <summary>[head_dim / 2], in double precision.</summary>
    public nint InverseFrequencies { get; private set; }

    public LayerWeights[] Layers { get; private set; } = [];

    /// <summary>Bytes that <see cref="Load"/> will allocate.</summary>
    /// <exception cref="ModelFileException">A tensor is missing or has another shape or type.</exception>
    public static long Measure(ITensorSource source, WeightFormat format, Device device) =>
        DeviceArena.Measure(arena => Place(source.Config, new WeightLoader(source, format, device, null, arena, null, default)));

    /// <summary>Packs the weights onto the device.</summary>
    /// <param name="progress">Called with the fraction loaded, 0 to 1.</param>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public static ModelWeights Load(
        ITensorSource source, WeightFormat format, Device device, DeviceStream stream, Action<double>? progress,
        CancellationToken cancellation = default) =>
        new(source, format, device, stream, progress, cancellation);

    public void Dispose() => _arena.Dispose();

    private void LayOut(WeightLoader loader)
    {
        Placement placed = Place(Config, loader);
        Embedding = placed.Embedding;
        LmHead = placed.LmHead;
        FinalNorm = placed.FinalNorm;
        InverseFrequencies = placed.InverseFrequencies;
        Layers = placed.Layers;
    }

    private readonly record struct Placement(
        Matrix Embedding, Matrix LmHead, nint FinalNorm, nint InverseFrequencies, LayerWeights[] Layers);

    private static Placement Place(ModelConfig config, WeightLoader loader)
    {
        Matrix embedding = loader.Matrix(config.HiddenSize, ("model.embed_tokens", config.VocabularySize));
        return new Placement(
            embedding,
            config.TieWordEmbeddings ? embedding : loader.Matrix(config.HiddenSize, ("lm_head", config.VocabularySize)),
            loader.Vector(("model.norm.weight", config.HiddenSize)),
            loader.Doubles(config.InverseFrequencies()),
            [.. Enumerable.Range(0, config.Layers).Select(i => PlaceLayer(config, loader, $"model.layers.{i}."))]);
    }

    private static LayerWeights PlaceLayer(ModelConfig config, WeightLoader loader, string layer)
    {
        int queries = config.Heads * config.HeadDim, keys = config.KvHeads * config.HeadDim;
        string attention = layer + "self_attn.", mlp = layer + "mlp.";
        return new LayerWeights(
            InputNorm: loader.Vector((layer + "input_layernorm.weight", config.HiddenSize)),
            Qkv: loader.Matrix(config.HiddenSize,
                (attention + "q_proj", queries), (attention + "k_proj", keys), (attention + "v_proj", keys)),
            QkvBias: config.QkvBias
                ? loader.Vector((attention + "q_proj.bias", queries), (attention + "k_proj.bias", keys),
                    (attention + "v_proj.bias", keys))
                : 0,
            QNorm: config.QkNorm ? loader.Vector((attention + "q_norm.weight", config.HeadDim)) : 0,
            KNorm: config.QkNorm ? loader.Vector((attention + "k_norm.weight", config.HeadDim)) : 0,
            Output: loader.Matrix(queries, (attention + "o_proj", config.HiddenSize)),
            OutputBias: config.OutputBias ? loader.Vector((attention + "o_proj.bias", config.HiddenSize)) : 0,
            PostAttentionNorm: loader.Vector((layer + "post_attention_layernorm.weight", config.HiddenSize)),
            GateUp: loader.InterleavedMatrix(config.HiddenSize, config.FfnSize, mlp + "gate_proj", mlp + "up_proj"),
            Down: loader.Matrix(config.FfnSize, (mlp + "down_proj", config.HiddenSize)));
    }
}
