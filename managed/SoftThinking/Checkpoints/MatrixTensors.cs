using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>What a matrix is for, which decides when it is read.</summary>
internal enum MatrixRole
{
    /// <summary>Read row by row, those of the input's tokens.</summary>
    Embedding,

    /// <summary>Multiplied by every position.</summary>
    Projection,

    /// <summary>Multiplied by every position, to choose experts. Never rounded: close decisions would change.</summary>
    Router,

    /// <summary>Multiplied by the positions that use this expert.</summary>
    Expert,

    /// <summary>Multiplied by the positions whose logits are computed.</summary>
    Head,
}

/// <summary>Rows of a stored matrix.</summary>
/// <param name="Module">Name of the matrix without ".weight".</param>
/// <param name="Rows">Rows of the shard.</param>
internal readonly record struct MatrixPart(string Module, Window Rows);

/// <summary>A matrix of a shard, which one matmul computes: the rows of stored matrices with the same input.</summary>
/// <param name="Cols">Columns of the shard.</param>
/// <param name="Parts">If <paramref name="IsInterleaved"/>, all of equal size: the first row of each, then the second row of each, and so on;
/// otherwise one after another.</param>
internal sealed record MatrixTensors(MatrixRole Role, Window Cols, ImmutableArray<MatrixPart> Parts, bool IsInterleaved)
{
    public int Rows => Parts.Sum(part => part.Rows.Count);

    public static MatrixTensors Stacked(MatrixRole role, Window cols, params ImmutableArray<MatrixPart> parts) => new(role, cols, parts, false);

    public static MatrixTensors Interleaved(MatrixRole role, Window cols, params ImmutableArray<MatrixPart> parts) => new(role, cols, parts, true);
}

/// <summary>Elements of a stored vector.</summary>
internal readonly record struct VectorPart(string Name, Window Elements);

/// <summary>A vector of a shard: elements of stored vectors, one after another.</summary>
internal sealed record VectorTensors(ImmutableArray<VectorPart> Parts)
{
    public static VectorTensors Of(string name, Window elements) => new([new VectorPart(name, elements)]);
}
