using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace SoftThinking.Files;

/// <summary>The numbers of Python's json module that JSON does not have. In the text they are replaced by strings of the
/// same length, so that places in messages stay right, and which no other text has: a reader that does not know of them
/// meets a string where it wants a number.</summary>
internal static class PythonNumbers
{
    private static readonly (string Name, double Value, byte[] Replacement)[] Known =
    [
        ("NaN", double.NaN, [.. "\"\u007F\""u8]),
        ("Infinity", double.PositiveInfinity, [.. "\"\u007FInfin\""u8]),
        ("-Infinity", double.NegativeInfinity, [.. "\"\u007F-Infin\""u8]),
    ];

    /// <summary>The number that stands in a parsed text; null for any other value.</summary>
    public static double? ValueOf(JsonElement value) => Find(value) is int i ? Known[i].Value : null;

    /// <summary>Name of the number that stands in a parsed text; null for any other value.</summary>
    public static string? NameOf(JsonElement value) => Find(value) is int i ? Known[i].Name : null;

    /// <summary>The text with such numbers replaced; null where there are none.</summary>
    public static byte[]? Replace(ReadOnlySpan<byte> text)
    {
        byte[]? replaced = null;
        for (int at = 0; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                at = EndOfString(text, at);
                continue;
            }
            foreach ((string name, _, byte[] replacement) in Known)
            {
                if (!StartsWith(text[at..], name) || IsKey(text[(at + name.Length)..]))
                    continue;
                replaced ??= text.ToArray();
                replacement.CopyTo(replaced, at);
                at += name.Length - 1;
                break;
            }
        }
        return replaced;
    }

    private static int? Find(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
            return null;
        // Not ValueEquals: the same text written with an escape is a string.
        ReadOnlySpan<byte> raw = JsonMarshal.GetRawUtf8Value(value);
        for (int i = 0; i < Known.Length; i++)
        {
            if (raw.SequenceEqual(Known[i].Replacement))
                return i;
        }
        return null;
    }

    private static bool StartsWith(ReadOnlySpan<byte> text, string name) =>
        text.Length >= name.Length && Ascii.Equals(text[..name.Length], name);

    private static bool IsKey(ReadOnlySpan<byte> behind) => behind.TrimStart(" \t\r\n"u8) is [(byte)':', ..];

    private static int EndOfString(ReadOnlySpan<byte> text, int start)
    {
        int at = start + 1;
        while (at < text.Length && text[at] != '"')
            at += text[at] == '\\' ? 2 : 1;
        return at;
    }
}
