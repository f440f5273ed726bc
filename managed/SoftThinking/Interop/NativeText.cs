using System.Text;

namespace SoftThinking.Interop;

/// <summary>Text in the byte arrays of native structs.</summary>
internal static unsafe class NativeText
{
    /// <summary>The bytes before the first 0, or all <paramref name="capacity"/>.</summary>
    public static string Read(byte* text, int capacity)
    {
        ReadOnlySpan<byte> bytes = new(text, capacity);
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
