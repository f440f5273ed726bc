namespace SoftThinking.Checkpoints;

/// <summary>8-bit floats: sign, 4 bits of exponent (bias 7; 0: m / 8 · 2⁻⁶), 3 of mantissa m. 0x7F and 0xFF are no numbers, and there is no
/// infinity.</summary>
internal static class E4M3
{
    /// <summary>The largest number.</summary>
    public const float Largest = 448;

    private const byte NaN = 0x7F, NegativeNaN = 0xFF;
    private const float Exponents = 1.329227995784916e36f; // the difference of the exponents' biases

    /// <summary>Whether all are numbers.</summary>
    public static bool AreNumbers(ReadOnlySpan<byte> codes) => !codes.ContainsAny(NaN, NegativeNaN);

    /// <summary>The number, exactly.</summary>
    public static float ToSingle(byte code) =>
        BitConverter.UInt32BitsToSingle((code & 0x80u) << 24 | (code & 0x7Fu) << 20) * Exponents;

    /// <summary>The nearest number, ties to even; beyond the largest that one. Of a finite number.</summary>
    public static byte Round(float value)
    {
        const float Smallest = 1f / 64; // that is normal
        const uint Bias = 120u << 3;
        uint bits = BitConverter.SingleToUInt32Bits(value), sign = bits >> 24 & 0x80u;
        float magnitude = Math.Min(Math.Abs(value), Largest);
        if (magnitude < Smallest)
            return (byte)(sign | (uint)MathF.Round(magnitude * 512));
        uint normal = BitConverter.SingleToUInt32Bits(magnitude);
        return (byte)(sign | (((normal + 0x7FFFFu + (normal >> 20 & 1u)) >> 20) - Bias));
    }
}
