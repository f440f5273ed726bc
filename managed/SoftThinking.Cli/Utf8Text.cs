using System.Text;

namespace SoftThinking.Cli;

/// <summary>Input bytes as text. Invalid UTF-8 is reported, not replaced.</summary>
internal static class Utf8Text
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The bytes without the byte-order mark that some editors prepend.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes;

    /// <param name="name">Name of the input, for messages.</param>
    /// <exception cref="IOException">The bytes are not UTF-8.</exception>
    public static string Decode(string name, byte[] bytes)
    {
        try
        {
            return Strict.GetString(WithoutMark(bytes));
        }
        catch (DecoderFallbackException error)
        {
            int mark = bytes.Length - WithoutMark(bytes).Length;
            throw new IOException($"{name} is not valid UTF-8 at byte {mark + error.Index + 1}", error);
        }
    }
}
