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
