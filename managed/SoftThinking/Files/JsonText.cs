using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace SoftThinking.Files;

/// <summary>JSON as Python's json module writes it: a byte-order mark may precede it, and NaN, Infinity and -Infinity may
/// stand where a number may. A key that occurs twice in an object is an error, since readers differ on which of the two
/// they believe.</summary>
internal static class JsonText
{
    private const int DeepestNesting = 64; // that of the parser

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Parses a whole text.</summary>
    /// <exception cref="FormatException">The message says what is wrong and where, for use after "the file":
    /// "is broken JSON at line 3, column 7".</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> text)
    {
        text = ModelFile.WithoutMark(text);
        // The parser checks the bytes of a string only when the string is read, which would be too late to name the file.
        if (!Utf8.IsValid(text.Span))
            throw new FormatException("is broken: it is not UTF-8");
        // Files with such numbers are rare: only where parsing fails are they searched for.
        if (TryParse(text) is JsonDocument document)
            return document;
        byte[]? replaced = PythonNumbers.Replace(text.Span);
        return (replaced == null ? null : TryParse(replaced)) ?? throw new FormatException(JsonProblem.Of(replaced ?? text.Span, DeepestNesting));
    }

    /// <summary>Parses a file, whose content is one JSON value.</summary>
    /// <exception cref="ModelFileException">The file does not exist, cannot be read, or is not JSON.</exception>
    public static JsonDocument ParseFile(string path)
    {
        try
        {
            return Parse(ModelFile.Read(path));
        }
        catch (FormatException error)
        {
            throw new ModelFileException(path, $"the file {error.Message}", error);
        }
    }

    /// <summary>A value as messages show it.</summary>
    public static string Show(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => PythonNumbers.NameOf(value) ?? HostileText.Quote(value.GetRawText()),
    };

    private static JsonDocument? TryParse(ReadOnlyMemory<byte> text)
    {
        try
        {
            return JsonDocument.Parse(text, Strict);
        }
        // InvalidOperationException: a key that has no UTF-16 form (half of a surrogate pair).
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}

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
