using System.Buffers;
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
    /// <param name="isLine">Whether the text is a line of a larger one.</param>
    /// <exception cref="FormatException">The message says what is wrong and where, for use after "the file":
    /// "is broken JSON at line 3, column 7".</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> text, bool isLine = false)
    {
        // The parser checks the bytes of a string only when the string is read, which would be too late to name the file.
        if (FindInvalid(text.Span) is int invalid)
            throw new FormatException($"is broken: it is not UTF-8, at byte {invalid + 1}");
        text = ModelFile.WithoutMark(text);
        // Files with such numbers are rare: only where parsing fails are they searched for.
        if (TryParse(text) is JsonDocument document)
            return document;
        byte[]? replaced = PythonNumbers.Replace(text.Span);
        return (replaced == null ? null : TryParse(replaced)) ?? throw new FormatException(JsonProblem.Of(replaced ?? text.Span, DeepestNesting, isLine));
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

    /// <summary>Index of the first byte that is not UTF-8; null if there is none.</summary>
    private static int? FindInvalid(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
            return null;
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out int length) == OperationStatus.Done)
            at += length;
        return at;
    }

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
