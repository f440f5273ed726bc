using System.Runtime.InteropServices;

namespace SoftThinking.Checkpoints;

/// <summary>Matrices of 8-bit weights in a file: a tensor U8 [rows, blocks, 34]. A block encodes 32 consecutive elements
/// of a row, the last one padded with zeros: their scale as f16, then an integer -127..127 for each.</summary>
internal static class Int8Blocks
{
    public const int BlockElements = 32, BlockBytes = 2 + BlockElements;

    /// <summary>The format's name in reports, alongside the names that the safetensors format defines.</summary>
    public const string Name = "INT8_BLOCKS";

    /// <summary>Bytes of a row.</summary>
    public static int RowBytes(int cols) => BlocksOf(cols) * BlockBytes;

    public static int BlocksOf(int cols) => (cols + BlockElements - 1) / BlockElements;

    /// <summary>Rounds a row: each block's largest magnitude becomes 127. Bit for bit the same as the backend's rounding when it packs
    /// other weights as 8-bit ones.</summary>
    /// <param name="blocks"><see cref="BlockBytes"/> for each block of the row.</param>
    public static void Round(ReadOnlySpan<float> row, Span<byte> blocks)
    {
        for (int first = 0; first < row.Length; first += BlockElements)
        {
            ReadOnlySpan<float> values = row[first..Math.Min(first + BlockElements, row.Length)];
            Span<byte> block = blocks.Slice(first / BlockElements * BlockBytes, BlockBytes);
            block.Clear();
            RoundBlock(values, ref MemoryMarshal.AsRef<Half>(block), MemoryMarshal.Cast<byte, sbyte>(block[2..]));
        }
    }

    /// <summary>Computes the rounding error.</summary>
    /// <param name="blocks">The row as rounded by <see cref="Round"/>.</param>
    /// <returns>The sum of the squares of the errors, and that of the elements.</returns>
    public static (double Errors, double Squares) Compare(ReadOnlySpan<float> row, ReadOnlySpan<byte> blocks)
    {
        double errors = 0, squares = 0;
        for (int first = 0; first < row.Length; first += BlockElements)
        {
            ReadOnlySpan<float> values = row[first..Math.Min(first + BlockElements, row.Length)];
            ReadOnlySpan<byte> block = blocks.Slice(first / BlockElements * BlockBytes, BlockBytes);
            float scale = (float)MemoryMarshal.AsRef<Half>(block);
            for (int i = 0; i < values.Length; i++)
            {
                double value = values[i], error = value - scale * (sbyte)block[2 + i];
                errors += error * error;
                squares += value * value;
            }
        }
        return (errors, squares);
    }

    private static void RoundBlock(ReadOnlySpan<float> values, ref Half scale, Span<sbyte> integers)
    {
        float largest = 0;
        foreach (float value in values)
            largest = MathF.Abs(value) > largest ? MathF.Abs(value) : largest;
        scale = (Half)MathF.Min(largest / 127, 65504);
        float stored = (float)scale; // the factor that decoding uses
        float inverse = stored > 0 ? 1 / stored : 0;
        for (int i = 0; i < values.Length; i++)
            integers[i] = Nearest(values[i] * inverse);
    }

    /// <summary>The nearest of -127..127, ties to even; 0 for NaN.</summary>
    private static sbyte Nearest(float x) => MathF.Abs(x) < 127 ? (sbyte)MathF.Round(x) : (sbyte)(x > 0 ? 127 : x < 0 ? -127 : 0);
}
