using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>A weight in a mapped checkpoint file; valid until the checkpoint is disposed.</summary>
/// <param name="Name">Name in the checkpoint.</param>
/// <param name="Data">Address of the first element; little-endian, row-major; not always aligned to it.</param>
/// <param name="Dtype">F32, F16 or BF16; U8: <see cref="Int8Blocks"/>.</param>
/// <param name="Shape">Dimensions, outermost first.</param>
/// <param name="Bytes">Bytes of all elements; may exceed 2 GiB.</param>
internal readonly record struct Tensor(
    string Name, nint Data, TensorDtype Dtype, ImmutableArray<long> Shape, long Bytes)
{
    /// <summary>Bytes from the given offset on.</summary>
    public unsafe ReadOnlySpan<byte> Span(long first, int count) => new((byte*)Data + first, count);

    /// <summary>Bytes per row, that is, of all elements with the same outermost index.</summary>
    public long RowBytes => Bytes / Shape[0];

    /// <summary>Consecutive rows, 1 or more.</summary>
    public Tensor Rows(long first, long count) => this with
    {
        Data = (nint)(Data + first * RowBytes),
        Shape = Shape.SetItem(0, count),
        Bytes = count * RowBytes,
    };

    /// <summary>All rows in order, in slices of at most about <paramref name="bytes"/> bytes.</summary>
    public IEnumerable<Tensor> Slices(long bytes)
    {
        // Backends pack rows in groups, a power of two: slices hold whole groups.
        const long Group = 64;
        long maximum = Math.Max(bytes / RowBytes / Group, 1) * Group;
        for (long first = 0; first < Shape[0]; first += maximum)
            yield return Rows(first, Math.Min(maximum, Shape[0] - first));
    }
}
