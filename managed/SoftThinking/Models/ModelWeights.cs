using System.Collections.Immutable;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Weights of one layer on the device: those of <see cref="LayerTensors"/>. A pointer is 0 if the layer has no such weight.</summary>
/// <param name="Window">Positions that attention sees; 0: all.</param>
/// <param name="RopeTable">Index of the layer's rotary embedding in <see cref="ModelConfig.RopeTables"/>.</param>
internal readonly record struct LayerWeights(
    nint InputNorm,
    Matrix Qkv,
    nint QkvBias,
    nint QNorm,
    nint KNorm,
    int RopeTable,
    int Window,
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

    /// <summary>For each of <see cref="ModelConfig.RopeTables"/> the inverse frequencies [head_dim / 2], in double precision.</summary>
    public nint[] InverseFrequencies { get; private set; } = [];

    public LayerWeights[] Layers { get; private set; } = [];

    /// <summary>All matrices; the embedding counts as such if it is the head too.</summary>
    public IReadOnlyList<(MatrixRole Role, Matrix Matrix)> Matrices { get; private set; } = [];

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

    /// <summary>Format of the matrices in memory, by one of those that the layers have.</summary>
    /// <exception cref="ModelFileException">The matrix is missing or has another shape or type.</exception>
    public static MatrixFormat FormatOf(ITensorSource source, WeightFormat format)
    {
        MatrixTensors down = source.Config.Family.Tensors(ModelShard.All(source.Config), layer: 0).Down;
        return source.Matrix(down.Parts[0].Module, down.Rows, down.Cols.Total).Format.Loaded(format);
    }

    public void Dispose() => _arena.Dispose();

    private void LayOut(WeightLoader loader)
    {
        Placement placed = Place(Shard, loader);
        Embedding = placed.Embedding;
        LmHead = placed.LmHead;
        FinalNorm = placed.FinalNorm;
        InverseFrequencies = placed.InverseFrequencies;
        Layers = placed.Layers;
        Matrices = loader.Matrices;
    }

    private readonly record struct Placement(
        Matrix Embedding, Matrix LmHead, nint FinalNorm, nint[] InverseFrequencies, LayerWeights[] Layers);

    private static Placement Place(ModelShard shard, WeightLoader loader)
    {
        ModelConfig config = shard.Whole;
        ModelTensors tensors = ModelTensors.Of(shard);
        ImmutableArray<RopeConfig> ropes = config.RopeTables;
        Matrix embedding = loader.Matrix(tensors.Embedding);
        return new Placement(
            embedding,
            tensors.Head is MatrixTensors head ? loader.Matrix(head) : embedding,
            loader.Vector(tensors.FinalNorm),
            [.. ropes.Select(rope => loader.Doubles(rope.InverseFrequencies(config.HeadDim)))],
            [.. tensors.Layers.Zip(config.LayerConfigs, (layer, described) => PlaceLayer(layer, described, ropes, loader))]);
    }

    private static LayerWeights PlaceLayer(LayerTensors layer, LayerConfig described, ImmutableArray<RopeConfig> ropes, WeightLoader loader) => new(
        InputNorm: loader.Vector(layer.InputNorm),
        Qkv: loader.Matrix(layer.Qkv),
        QkvBias: loader.Vector(layer.QkvBias),
        QNorm: loader.Vector(layer.QNorm),
        KNorm: loader.Vector(layer.KNorm),
        RopeTable: ropes.IndexOf(described.Rope),
        Window: described.Window ?? 0,
        Output: loader.Matrix(layer.Output),
        OutputBias: loader.Vector(layer.OutputBias),
        PostAttentionNorm: loader.Vector(layer.PostAttentionNorm),
        GateUp: loader.Matrix(layer.GateUp),
        Down: loader.Matrix(layer.Down));
}
