using System.Buffers;
using SoftThinking.Checkpoints;

namespace SoftThinking.Quantization;

/// <summary>Rounds matrices to <see cref="Int8Blocks"/>, rows in parallel, and accumulates the rounding errors.</summary>
internal sealed class MatrixRounder(CancellationToken cancellation)
{
    private readonly ParallelOptions _parallel = new() { CancellationToken = cancellation };
    private byte[] _blocks = [];
    private (double Errors, double Squares)[] _sums = []; // per row: added in order, so that the total is deterministic
    private double _errors, _squares;

    /// <summary>Root mean square of the rounding errors over that of the elements, so far; not finite if an element was
    /// not.</summary>
    public double RelativeError => _squares == 0 ? 0 : Math.Sqrt(_errors / _squares);

    /// <param name="rows">Rows of a matrix of f32, f16 or bf16.</param>
    /// <returns>The blocks of the rows, valid until the next call.</returns>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public ReadOnlySpan<byte> Round(Tensor rows, int cols)
    {
        int count = (int)rows.Shape[0], rowBytes = Int8Blocks.RowBytes(cols);
        if (_blocks.Length < count * rowBytes)
            _blocks = new byte[count * rowBytes];
        if (_sums.Length < count)
            _sums = new (double, double)[count];
        Parallel.For(0, count, _parallel, () => ArrayPool<float>.Shared.Rent(cols), (row, _, buffer) =>
        {
            Span<float> values = buffer.AsSpan(0, cols);
            Span<byte> blocks = _blocks.AsSpan(row * rowBytes, rowBytes);
            StoredNumbers.Widen(rows.Span(row * rows.RowBytes, (int)rows.RowBytes), rows.Dtype, values);
            Int8Blocks.Round(values, blocks);
            _sums[row] = Int8Blocks.Compare(values, blocks);
            return buffer;
        }, buffer => ArrayPool<float>.Shared.Return(buffer));
        foreach ((double errors, double squares) in _sums.AsSpan(0, count))
            (_errors, _squares) = (_errors + errors, _squares + squares);
        return new ReadOnlySpan<byte>(_blocks, 0, count * rowBytes);
    }
}
