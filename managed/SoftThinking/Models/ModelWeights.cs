using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Weights of one layer on the device: those of <see cref="LayerTensors"/>. A pointer is 0 if the layer has no such weight.</summary>
/// <param name="Window">Positions that attention sees; 0: all.</param>
/// <param name="RopeTable">Index of the layer's rotary embedding in <see cref="ModelWeights.RopeTables"/>; -1: none.</param>
internal readonly record struct LayerWeights(
    nint AttentionNorm,
    Matrix Qkv,
    nint QkvBias,
    nint QNorm,
    nint KNorm,
    QkNormKind QkNorm,
    int RopeTable,
    int Window,
    Matrix Output,
    nint OutputBias,
    nint AttentionOutputNorm,
    nint FeedForwardNorm,
    nint FeedForwardOutputNorm,
    Matrix GateUp,
    Matrix Down,
    ExpertWeights? Experts);

/// <summary>A rotary embedding on the device.</summary>
/// <param name="InverseFrequencies">One for each pair of elements that rotates, in double precision.</param>
/// <param name="Rotated">Elements of a head that rotate.</param>
/// <param name="Magnitude">Factor of cosines and sines.</param>
internal readonly record struct RopeTable(nint InverseFrequencies, int Rotated, double Magnitude);

/// <summary>The experts of a layer that a rank holds, in the place of <see cref="LayerWeights.GateUp"/> and <see cref="LayerWeights.Down"/>.</summary>
/// <param name="Held">Which of the layer's experts these are.</param>
/// <param name="GateUp">The first of them; the others follow.</param>
/// <param name="Down">The first of them; the others follow.</param>
internal sealed record ExpertWeights(ExpertConfig Config, Window Held, Matrix Router, Matrix GateUp, Matrix Down);

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

    /// <summary>In the order of <see cref="ModelConfig.RopeTables"/>.</summary>
    public RopeTable[] RopeTables { get; private set; } = [];

    public LayerWeights[] Layers { get; private set; } = [];

    /// <summary>All matrices; the embedding counts as such if it is the head too.</summary>
    public IReadOnlyList<(MatrixRole Role, Matrix Matrix)> Matrices { get; private set; } = [];

    /// <summary>Bytes that <see cref="Load"/> will allocate.</summary>
    /// <exception cref="ModelFileException">A tensor is missing or has another shape or type.</exception>
    public static long Measure(ITensorSource source, ModelShard shard, WeightFormat format, Device device) =>
        DeviceArena.Measure(arena => Place(shard, new WeightLoader(source, format, device, null, arena, null, default, shard.Ranks)));

    /// <summary>Packs the weights of a shard onto the device.</summary>
    /// <param name="progress">Called with the fraction loaded, 0 to 1.</param>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public static ModelWeights Load(
        ITensorSource source, ModelShard shard, WeightFormat format, Device device, DeviceStream stream, Action<double>? progress,
        CancellationToken cancellation = default) =>
        new(source, shard, format, device, stream, progress, cancellation);

    /// <summary>Format of the matrices in memory: of several, the one with the widest tile.</summary>
    /// <exception cref="ModelFileException">A matrix is missing or has another shape or type.</exception>
    public static MatrixFormat FormatOf(ITensorSource source, WeightFormat format)
    {
        ModelTensors tensors = ModelTensors.Of(ModelShard.All(source.Config));
        return tensors.Layers.SelectMany(layer => layer.Matrices)
            .Select(matrix => WeightLoader.FormatOf(source, matrix, format))
            .MaxBy(found => found.Tile)!;
    }

    public void Dispose() => _arena.Dispose();

    private void LayOut(WeightLoader loader)
    {
        Placement placed = Place(Shard, loader);
        Embedding = placed.Embedding;
        LmHead = placed.LmHead;
        FinalNorm = placed.FinalNorm;
        RopeTables = placed.RopeTables;
        Layers = placed.Layers;
        Matrices = loader.Placed;
    }

    private readonly record struct Placement(
        Matrix Embedding, Matrix LmHead, nint FinalNorm, RopeTable[] RopeTables, LayerWeights[] Layers);

    private static Placement Place(ModelShard shard, WeightLoader loader)
    {
        ModelConfig config = shard.Whole;
        ModelTensors tensors = ModelTensors.Of(shard);
        Matrix embedding = loader.Matrix(tensors.Embedding);
        return new Placement(
            embedding,
            tensors.Head is MatrixTensors head ? loader.Matrix(head) : embedding,
            loader.Vector(tensors.FinalNorm),
            [.. config.RopeTables.Select(rope =>
                new RopeTable(loader.Doubles(rope.InverseFrequencies(config.HeadDim)), rope.Rotated(config.HeadDim), rope.Scaling.Magnitude))],
            [.. tensors.Layers.Select(layer => PlaceLayer(layer, shard, loader))]);
    }

    private static LayerWeights PlaceLayer(LayerTensors layer, ModelShard shard, WeightLoader loader) => new(
        AttentionNorm: loader.Vector(layer.AttentionNorm),
        Qkv: loader.Matrix(layer.Qkv),
        QkvBias: loader.Vector(layer.QkvBias),
        QNorm: loader.Vector(layer.QNorm),
        KNorm: loader.Vector(layer.KNorm),
        QkNorm: layer.Config.QkNorm,
        RopeTable: shard.Whole.RopeOf(layer.Config) is RopeConfig rope ? shard.Whole.RopeTables.IndexOf(rope) : -1,
        Window: layer.Config.Window ?? 0,
        Output: loader.Matrix(layer.Output),
        OutputBias: loader.Vector(layer.OutputBias),
        AttentionOutputNorm: loader.Vector(layer.AttentionOutputNorm),
        FeedForwardNorm: loader.Vector(layer.FeedForwardNorm),
        FeedForwardOutputNorm: loader.Vector(layer.FeedForwardOutputNorm),
        GateUp: layer.GateUp is MatrixTensors gateUp ? loader.Matrix(gateUp) : default,
        Down: layer.Down is MatrixTensors down ? loader.Matrix(down) : default,
        Experts: layer.Experts is ExpertTensors experts ? PlaceExperts(experts, layer.Config.Experts!, shard, loader) : null);

    private static ExpertWeights PlaceExperts(ExpertTensors experts, ExpertConfig config, ModelShard shard, WeightLoader loader) => new(
        config,
        shard.Experts(config.Count),
        Router: loader.Matrix(experts.Router),
        GateUp: loader.Matrices(experts.GateUp),
        Down: loader.Matrices(experts.Down));
}
