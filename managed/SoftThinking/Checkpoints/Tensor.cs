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
    /// <summary>Bytes from the given one on.</summary>
    public unsafe ReadOnlySpan<byte> Span(long first, int count) => new((byte*)Data + first, count);

    /// <summary>Bytes of a row: of all elements that have the same outermost index.</summary>
    public long RowBytes => Bytes / Shape[0];

    /// <summary>Consecutive rows, 1 or more.</summary>
    public Tensor Rows(long first, long count) => this with
    {
        Data = (nint)(Data + first * RowBytes),
        Shape = Shape.SetItem(0, count),
        Bytes = count * RowBytes,
    };

    /// <summary>All rows in order, in slices of at most about so many bytes.</summary>
    public IEnumerable<Tensor> Slices(long bytes)
    {
        // Backends interleave several rows, a power of two: slices of whole groups of them are packed at once.
        const long Together = 64;
        long most = Math.Max(bytes / RowBytes / Together, 1) * Together;
        for (long first = 0; first < Shape[0]; first += most)
            yield return Rows(first, Math.Min(most, Shape[0] - first));
    }
}
