using System.Buffers;
using System.Runtime.InteropServices;
using SoftThinking.Checkpoints;

namespace SoftThinking.Quantization;

/// <summary>Rounded rows of a matrix.</summary>
/// <param name="weights">Bytes of the rows.</param>
/// <param name="scales">A bf16 scale for each row; empty where the format has the scales among the weights.</param>
internal readonly ref struct RoundedRows(ReadOnlySpan<byte> weights, ReadOnlySpan<byte> scales)
{
    public readonly ReadOnlySpan<byte> Weights = weights, Scales = scales;
}

/// <summary>Rounds matrices to <see cref="Int8Blocks"/> or <see cref="Fp8Rows"/>, rows in parallel, and accumulates the rounding errors.</summary>
/// <param name="format"><see cref="MatrixFormat.Int8"/> or <see cref="MatrixFormat.Fp8"/>.</param>
internal sealed class MatrixRounder(MatrixFormat format, CancellationToken cancellation)
{
    private readonly ParallelOptions _parallel = new() { CancellationToken = cancellation };
    private readonly bool _scales = format == MatrixFormat.Fp8;
    private byte[] _rounded = [];
    private ushort[] _rowScales = [];
    private (double Errors, double Squares)[] _sums = []; // per row: added in order, so that the total is deterministic
    private double _errors, _squares;

    /// <summary>Root mean square of the rounding errors over that of the elements, so far; not finite if an element was
    /// not.</summary>
    public double RelativeError => _squares == 0 ? 0 : Math.Sqrt(_errors / _squares);

    /// <param name="rows">Rows of a matrix of f32, f16 or bf16.</param>
    /// <returns>The rounded rows, valid until the next call.</returns>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public RoundedRows Round(Tensor rows, int cols)
    {
        int count = (int)rows.Shape[0], rowBytes = format.RowBytes(cols);
        Grow(ref _rounded, count * rowBytes);
        Grow(ref _rowScales, count);
        Grow(ref _sums, count);
        Parallel.For(0, count, _parallel, () => ArrayPool<float>.Shared.Rent(cols), (row, _, buffer) =>
        {
            Span<float> values = buffer.AsSpan(0, cols);
            StoredNumbers.Widen(rows.Span(row * rows.RowBytes, (int)rows.RowBytes), rows.Dtype, values);
            Round(values, _rounded.AsSpan(row * rowBytes, rowBytes), row);
            return buffer;
        }, buffer => ArrayPool<float>.Shared.Return(buffer));
        foreach ((double errors, double squares) in _sums.AsSpan(0, count))
            (_errors, _squares) = (_errors + errors, _squares + squares);
        return new(_rounded.AsSpan(0, count * rowBytes), _scales ? MemoryMarshal.AsBytes(_rowScales.AsSpan(0, count)) : []);
    }

    private void Round(ReadOnlySpan<float> values, Span<byte> rounded, int row)
    {
        if (_scales)
        {
            float scale = Fp8Rows.Round(values, rounded);
            _rowScales[row] = (ushort)(BitConverter.SingleToUInt32Bits(scale) >> 16); // exactly: it is a bf16
            _sums[row] = Fp8Rows.Compare(values, rounded, scale);
        }
        else
        {
            Int8Blocks.Round(values, rounded);
            _sums[row] = Int8Blocks.Compare(values, rounded);
        }
    }

    private static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length)
            array = new T[length];
    }
}
