using System.Runtime.InteropServices;

namespace SoftThinking.Checkpoints;

/// <summary>Reads elements of stored tensors.</summary>
internal static class StoredNumbers
{
    /// <summary>Elements as f32, exactly.</summary>
    /// <param name="stored">Elements, little-endian.</param>
    /// <param name="dtype">F32, F16 or BF16.</param>
    /// <param name="values">Receives the elements.</param>
    public static void Widen(ReadOnlySpan<byte> stored, TensorDtype dtype, Span<float> values)
    {
        switch (dtype)
        {
            case TensorDtype.F32:
                MemoryMarshal.Cast<byte, float>(stored).CopyTo(values);
                break;
            case TensorDtype.F16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(stored);
                for (int i = 0; i < halves.Length; i++)
                    values[i] = (float)halves[i];
                break;
            case TensorDtype.BF16:
                // The upper half of an f32.
                ReadOnlySpan<ushort> uppers = MemoryMarshal.Cast<byte, ushort>(stored);
                for (int i = 0; i < uppers.Length; i++)
                    values[i] = BitConverter.UInt32BitsToSingle((uint)uppers[i] << 16);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "is not a format of weights");
        }
    }
}
