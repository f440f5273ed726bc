namespace SoftThinking.Checkpoints;

/// <summary>Rounds rows of weights to <see cref="E4M3"/> with a scale for each row.</summary>
internal static class Fp8Rows
{
    /// <summary>The scale with which the row's largest magnitude becomes the largest number, rounded to bf16: programs that keep scales in the
    /// type of the model then read the same weights.</summary>
    public static float ScaleOf(ReadOnlySpan<float> row)
    {
        float largest = 0;
        foreach (float value in row)
            largest = Math.Max(largest, Math.Abs(value)); // NaN if one is
        uint bits = BitConverter.SingleToUInt32Bits(largest / E4M3.Largest);
        float scale = BitConverter.UInt32BitsToSingle((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u);
        return scale == 0 ? 1 : scale;
    }

    /// <returns>The scale of the row; not finite if an element is not.</returns>
    public static float Round(ReadOnlySpan<float> row, Span<byte> codes)
    {
        float scale = ScaleOf(row);
        for (int i = 0; i < row.Length; i++)
            codes[i] = E4M3.Round(row[i] / scale);
        return scale;
    }

    /// <summary>Computes the rounding error.</summary>
    /// <param name="codes">The row as rounded by <see cref="Round"/>.</param>
    /// <param name="scale">Its scale.</param>
    /// <returns>The sum of the squares of the errors, and that of the elements.</returns>
    public static (double Errors, double Squares) Compare(ReadOnlySpan<float> row, ReadOnlySpan<byte> codes, float scale)
    {
        double errors = 0, squares = 0;
        for (int i = 0; i < row.Length; i++)
        {
            double value = row[i], error = value - (double)scale * E4M3.ToSingle(codes[i]);
            errors += error * error;
            squares += value * value;
        }
        return (errors, squares);
    }

    /// <summary>The entry of the scales of a matrix in a header.</summary>
    public static TensorInfo StoreScales(string name, int rows) => new(name, TensorDtype.BF16, [rows, 1], Offset: 0, rows * (long)sizeof(ushort));
}
