using System.Runtime.InteropServices;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Consecutive rows of a matrix in a form that a backend packs.</summary>
/// <param name="Scales">0 where the format has none.</param>
internal readonly record struct PackSource(NativeDtype Dtype, nint Data, nint Scales);

/// <summary>Converts slices of stored matrices to what the backends pack. A result is valid until the next call.</summary>
/// <param name="source">Makes errors.</param>
internal sealed unsafe class WeightSlices(ITensorSource source)
{
    // Pinned, because backends read them.
    private byte[] _codes = [];
    private float[] _values = [], _scales = [];

    /// <param name="stored">The matrix.</param>
    /// <param name="slice">Some of its rows, from <paramref name="first"/> on.</param>
    /// <param name="cols">Columns of the matrix.</param>
    /// <param name="packed">The format in memory.</param>
    /// <exception cref="ModelFileException">An element is not a number.</exception>
    public PackSource Convert(StoredMatrix stored, Tensor slice, int first, int cols, MatrixFormat packed)
    {
        if (stored.Scales is ScaleGrid grid)
        {
            if (!E4M3.AreNumbers(slice.Span(0, checked((int)slice.Bytes))))
                throw source.Refuse(slice.Name, "has an element that is not a number");
            return packed == MatrixFormat.Fp8 ? WithScales(slice, grid, first) : Multiplied(slice, grid, first, cols);
        }
        if (packed == MatrixFormat.Fp8)
            return Rounded(slice, cols);
        return packed == MatrixFormat.F32 && stored.Format != MatrixFormat.F32 ? Widened(slice, cols) : new(stored.Format.Dtype, slice.Data, 0);
    }

    private PackSource WithScales(Tensor slice, ScaleGrid grid, int first)
    {
        int rows = (int)slice.Shape[0], blocks = grid.BlocksOfRow;
        Grow(ref _scales, rows * blocks);
        for (int row = 0; row < rows; row++)
            grid.Expand(first + row, _scales.AsSpan(row * blocks, blocks));
        return new(NativeDtype.Fp8, slice.Data, Address(_scales));
    }

    private PackSource Multiplied(Tensor slice, ScaleGrid grid, int first, int cols)
    {
        int rows = (int)slice.Shape[0], blocks = grid.BlocksOfRow;
        Grow(ref _values, rows * cols);
        Grow(ref _scales, blocks);
        for (int row = 0; row < rows; row++)
        {
            grid.Expand(first + row, _scales.AsSpan(0, blocks));
            ReadOnlySpan<byte> codes = slice.Span((long)row * cols, cols);
            for (int k = 0; k < cols; k++)
                _values[row * cols + k] = E4M3.ToSingle(codes[k]) * _scales[k / ScaleGrid.BlockCols];
        }
        return new(NativeDtype.F32, Address(_values), 0);
    }

    private PackSource Widened(Tensor slice, int cols)
    {
        int elements = (int)slice.Shape[0] * cols;
        Grow(ref _values, elements);
        StoredNumbers.Widen(slice.Span(0, (int)slice.Bytes), slice.Dtype, _values.AsSpan(0, elements));
        return new(NativeDtype.F32, Address(_values), 0);
    }

    private PackSource Rounded(Tensor slice, int cols)
    {
        int rows = (int)slice.Shape[0], blocks = (cols + ScaleGrid.BlockCols - 1) / ScaleGrid.BlockCols;
        Grow(ref _codes, rows * cols);
        Grow(ref _scales, rows * blocks);
        Parallel.For(0, rows, row =>
        {
            float[] values = new float[cols];
            StoredNumbers.Widen(slice.Span(row * slice.RowBytes, (int)slice.RowBytes), slice.Dtype, values);
            _scales.AsSpan(row * blocks, blocks).Fill(Fp8Rows.Round(values, _codes.AsSpan(row * cols, cols)));
        });
        return new(NativeDtype.Fp8, Address(_codes), Address(_scales));
    }

    private static void Grow<T>(ref T[] array, int length) where T : unmanaged
    {
        if (array.Length < length)
            array = GC.AllocateUninitializedArray<T>(length, pinned: true);
    }

    private static nint Address<T>(T[] pinned) where T : unmanaged =>
        (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
}
