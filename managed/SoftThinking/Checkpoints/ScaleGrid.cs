using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>Scales of a matrix of 8-bit floats, each for a block of its elements: W[o, i] = e4m3[o, i] · scale[o / R, i / C].</summary>
/// <param name="Values">[blocks of rows, blocks of columns]</param>
/// <param name="RowsPerScale">R</param>
/// <param name="ColsPerScale">C, a multiple of <see cref="BlockCols"/> or all columns.</param>
/// <param name="Cols">Columns of the matrix.</param>
internal sealed record ScaleGrid(float[] Values, int RowsPerScale, int ColsPerScale, int Cols)
{
    /// <summary>Consecutive inputs of an output that share a scale in the backends.</summary>
    public const int BlockCols = 128;

    /// <summary>What follows the name of a module in that of its scales in compressed-tensors.</summary>
    public const string CompressedSuffix = ".weight_scale";

    /// <summary>What follows the name of a module in that of its scales. Both multiply.</summary>
    public static ImmutableArray<string> Suffixes { get; } = [".weight_scale_inv", CompressedSuffix];

    /// <summary>Scales of a row in the backends.</summary>
    public int BlocksOfRow => Blocks(Cols, BlockCols);

    /// <summary>Possible names of the scales of a weight.</summary>
    public static IEnumerable<string> NamesFor(string weight) => Suffixes.Select(suffix => weight[..^ModelTensors.WeightSuffix.Length] + suffix);

    /// <summary>Reads the scales of a matrix.</summary>
    /// <param name="refuse">Makes the error for what is wrong with the tensor.</param>
    /// <exception cref="ModelFileException">The tensor has another shape or type, or numbers that are not finite.</exception>
    public static ScaleGrid Of(Tensor stored, Fp8Config config, int rows, int cols, Func<string, ModelFileException> refuse)
    {
        (int rowsPerScale, int colsPerScale) = (config.BlockRows ?? rows, config.BlockCols ?? cols);
        long[] shape = [Blocks(rows, rowsPerScale), Blocks(cols, colsPerScale)];
        // One scale may be a scalar, and a column a vector.
        bool fits = stored.Shape.SequenceEqual(shape) || (shape[1] == 1 && stored.Shape.SequenceEqual([shape[0]])) || (shape is [1, 1] && stored.Shape.IsEmpty);
        if (!fits)
            throw refuse($"must have the shape {ShapeText.Of(shape)} ({config.Strategy}), found {ShapeText.Of(stored.Shape.AsSpan())}");
        if (stored.Dtype is not (TensorDtype.F32 or TensorDtype.F16 or TensorDtype.BF16))
            throw refuse($"must be F32, F16 or BF16, found {stored.Dtype.FileName()}");
        float[] values = new float[shape[0] * shape[1]];
        StoredNumbers.Widen(stored.Span(0, (int)stored.Bytes), stored.Dtype, values);
        return Array.TrueForAll(values, float.IsFinite)
            ? new ScaleGrid(values, rowsPerScale, colsPerScale, cols)
            : throw refuse("has a number that is not finite");
    }

    /// <summary>The scales of a row, one for every <see cref="BlockCols"/> columns.</summary>
    /// <param name="scales"><see cref="BlocksOfRow"/> numbers.</param>
    public void Expand(int row, Span<float> scales)
    {
        ReadOnlySpan<float> own = Values.AsSpan(row / RowsPerScale * Blocks(Cols, ColsPerScale));
        for (int block = 0; block < scales.Length; block++)
            scales[block] = own[block * BlockCols / ColsPerScale];
    }

    private static int Blocks(int count, int size) => (int)(((long)count + size - 1) / size);
}
