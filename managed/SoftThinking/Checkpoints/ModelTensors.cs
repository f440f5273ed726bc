using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>All tensors of a model, or a shard's part of them: the one list that loading, sizes, random weights and quantization
/// share.</summary>
/// <param name="Embedding">[ids, hidden]</param>
/// <param name="Head">[ids, hidden]; null if it is the embedding.</param>
/// <param name="FinalNorm">[hidden]</param>
internal sealed record ModelTensors(
    MatrixTensors Embedding, MatrixTensors? Head, VectorTensors FinalNorm, ImmutableArray<LayerTensors> Layers)
{
    /// <summary>What follows the name of a module in that of its weights.</summary>
    public const string WeightSuffix = ".weight";

    /// <summary>Sizes of the stored matrices, by the names of their weights.</summary>
    public IReadOnlyDictionary<string, (int Rows, int Cols)> StoredMatrices => SizesOf(Matrices);

    /// <summary>Those of them that every position or some are multiplied by: all but the embedding.</summary>
    public IEnumerable<string> MultipliedMatrices => SizesOf(Matrices.Where(matrix => matrix.Role != MatrixRole.Embedding)).Keys;

    /// <summary>Elements of the stored vectors, by name.</summary>
    public IReadOnlyDictionary<string, int> StoredVectors => Vectors
        .SelectMany(vector => vector.Parts)
        .DistinctBy(part => part.Name)
        .ToDictionary(part => part.Name, part => part.Elements.Total, StringComparer.Ordinal);

    /// <summary>Sizes of the matrices that loading in a format rounds, by the names of their weights.</summary>
    public IReadOnlyDictionary<string, (int Rows, int Cols)> RoundedMatrices(WeightFormat format) =>
        SizesOf(Matrices.Where(matrix => MatrixFormat.F32.Loaded(format, matrix.Role) != MatrixFormat.F32));

    private IEnumerable<MatrixTensors> Matrices =>
        new[] { Embedding, Head }.OfType<MatrixTensors>().Concat(Layers.SelectMany(layer => layer.Matrices));

    private IEnumerable<VectorTensors> Vectors => Layers.SelectMany(layer => layer.Vectors).Prepend(FinalNorm);

    public static ModelTensors Of(ModelShard shard)
    {
        ModelConfig config = shard.Whole;
        Window hidden = Window.All(config.HiddenSize);
        return new ModelTensors(
            MatrixTensors.Stacked(MatrixRole.Embedding, hidden, new MatrixPart("model.embed_tokens", shard.Ids)),
            config.TieWordEmbeddings ? null : MatrixTensors.Stacked(MatrixRole.Head, hidden, new MatrixPart("lm_head", shard.Ids)),
            VectorTensors.Of("model.norm.weight", hidden),
            [.. Enumerable.Range(0, config.Layers).Select(layer => config.Family.Tensors(shard, layer))]);
    }

    private static Dictionary<string, (int Rows, int Cols)> SizesOf(IEnumerable<MatrixTensors> matrices) => matrices
        .SelectMany(matrix => matrix.Parts, (matrix, part) => (Name: part.Module + WeightSuffix, Size: (part.Rows.Total, matrix.Cols.Total)))
        .DistinctBy(stored => stored.Name)
        .ToDictionary(stored => stored.Name, stored => stored.Size, StringComparer.Ordinal);
}
