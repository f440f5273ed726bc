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

/// <summary>All weights of a model, or of a rank's shard of it, on a device, packed. Matrices with the same input are combined (q, k and v stacked, the rows
/// of gate and up interleaved), so that one matmul computes them.</summary>
internal sealed class ModelWeights : IDisposable
{
    private readonly DeviceArena _arena;

    private ModelWeights(ITensorSource source, ModelShard shard, WeightFormat format, Device device, DeviceStream stream,
        Action<double>? progress, CancellationToken cancellation)
    {
        Shard = shard;
        _arena = DeviceArena.Allocate(device, arena =>
            LayOut(new WeightLoader(source, format, device, stream, arena, progress, cancellation, shard.Ranks)));
        stream.Synchronize();
    }

    public ModelConfig Config => Shard.Whole;

    public ModelShard Shard { get; }

    /// <summary>[ids of the shard, hidden]</summary>
    public Matrix Embedding { get; private set; }

    /// <summary>[ids of the shard, hidden]; the embedding itself if the two are tied.</summary>
    public Matrix LmHead { get; private set; }

    public nint FinalNorm { get; private set; }

    /// <summary>[head_dim / 2], in double precision.</summary>
    public nint InverseFrequencies { get; private set; }

    public LayerWeights[] Layers { get; private set; } = [];

    /// <summary>Bytes that <see cref="Load"/> will allocate.</summary>
    /// <exception cref="ModelFileException">A tensor is missing or has another shape or type.</exception>
    public static long Measure(ITensorSource source, ModelShard shard, WeightFormat format, Device device) =>
        DeviceArena.Measure(arena => Place(shard, new WeightLoader(source, format, device, null, arena, null, default)));

    /// <summary>Packs the weights of a shard onto the device.</summary>
    /// <param name="progress">Called with the fraction loaded, 0 to 1.</param>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public static ModelWeights Load(
        ITensorSource source, ModelShard shard, WeightFormat format, Device device, DeviceStream stream, Action<double>? progress,
        CancellationToken cancellation = default) =>
        new(source, shard, format, device, stream, progress, cancellation);

    /// <summary>Number format of the matrices in memory, by one of those that the layers have.</summary>
    /// <exception cref="ModelFileException">The matrix is missing or has another shape or type.</exception>
    public static NativeDtype FormatOf(ITensorSource source, WeightFormat format) =>
        WeightLoader.FormatOf(source.Get("model.layers.0.mlp.down_proj.weight", [source.Config.HiddenSize, source.Config.FfnSize]), format);

    /// <summary>Whether the matrices are, or become, blocks of 8-bit numbers.</summary>
    public static bool AreBlocks(ITensorSource source, WeightFormat format) => FormatOf(source, format) == NativeDtype.Int8;

    public void Dispose() => _arena.Dispose();

    private void LayOut(WeightLoader loader)
    {
        Placement placed = Place(Shard, loader);
        Embedding = placed.Embedding;
        LmHead = placed.LmHead;
        FinalNorm = placed.FinalNorm;
        InverseFrequencies = placed.InverseFrequencies;
        Layers = placed.Layers;
    }

    private readonly record struct Placement(
        Matrix Embedding, Matrix LmHead, nint FinalNorm, nint InverseFrequencies, LayerWeights[] Layers);

    private static Placement Place(ModelShard shard, WeightLoader loader)
    {
        ModelConfig config = shard.Whole;
        Window hidden = Window.All(config.HiddenSize);
        Matrix embedding = loader.Matrix(hidden, ("model.embed_tokens", shard.Ids));
        return new Placement(
            embedding,
            config.TieWordEmbeddings ? embedding : loader.Matrix(hidden, ("lm_head", shard.Ids)),
            loader.Vector(("model.norm.weight", hidden)),
            loader.Doubles(config.InverseFrequencies()),
            [.. Enumerable.Range(0, config.Layers).Select(i => PlaceLayer(shard, loader, $"model.layers.{i}."))]);
    }

    private static LayerWeights PlaceLayer(ModelShard shard, WeightLoader loader, string layer)
    {
        ModelConfig config = shard.Whole;
        Window hidden = Window.All(config.HiddenSize), head = Window.All(config.HeadDim);
        Window queries = shard.Heads.Times(config.HeadDim), keys = shard.KvHeads.Times(config.HeadDim);
        string attention = layer + "self_attn.", mlp = layer + "mlp.";
        return new LayerWeights(
            InputNorm: loader.Vector((layer + "input_layernorm.weight", hidden)),
            Qkv: loader.Matrix(hidden, (attention + "q_proj", queries), (attention + "k_proj", keys), (attention + "v_proj", keys)),
            QkvBias: config.QkvBias
                ? loader.Vector((attention + "q_proj.bias", queries), (attention + "k_proj.bias", keys), (attention + "v_proj.bias", keys))
                : 0,
            QNorm: config.QkNorm ? loader.Vector((attention + "q_norm.weight", head)) : 0,
            KNorm: config.QkNorm ? loader.Vector((attention + "k_norm.weight", head)) : 0,
            Output: loader.Matrix(queries, (attention + "o_proj", hidden)),
            OutputBias: config.OutputBias ? loader.Vector((attention + "o_proj.bias", hidden)) : 0,
            PostAttentionNorm: loader.Vector((layer + "post_attention_layernorm.weight", hidden)),
            GateUp: loader.InterleavedMatrix(hidden, shard.Ffn, mlp + "gate_proj", mlp + "up_proj"),
            Down: loader.Matrix(shard.Ffn, (mlp + "down_proj", hidden)));
    }
}
