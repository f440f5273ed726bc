using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace SoftThinking.Cli;

/// <summary>Input bytes as text. Invalid UTF-8 is reported, not replaced.</summary>
internal static class Utf8Text
{
    /// <summary>The bytes without the byte-order mark that some editors prepend.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;

    /// <summary>Index of the first byte that is not valid UTF-8; null if there is none.</summary>
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
