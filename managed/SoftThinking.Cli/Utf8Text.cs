using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace SoftThinking.Cli;

/// <summary>Bytes of input as text. What is not UTF-8 is found, not replaced.</summary>
internal static class Utf8Text
{
    /// <summary>The bytes without the byte-order mark that some editors put in front.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;

    /// <summary>Index of the first byte that is not part of UTF-8 text; null where all is well.</summary>
    public static int? FindInvalid(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
            return null;
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out int length) == OperationStatus.Done)
            at += length;
        return at;
    }
}
