using System.Text.Json;
using System.Text.Unicode;

namespace SoftThinking.Evaluation;

/// <summary>Reads JSON that others wrote. The parser notices some faults only when a value is used; these are found at once.</summary>
internal static class UntrustedJson
{
    private const int ShownKey = 60;

    /// <summary>Parses a whole text. A byte-order mark may precede it.</summary>
    /// <exception cref="FormatException">The message is for use after "it is": "not valid JSON at line 3, byte 7".</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> text)
    {
        if (text.StartsWith("\uFEFF"u8))
            text = text[3..];
        if (!Utf8.IsValid(text))
            throw new FormatException("not UTF-8");
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException error)
        {
            throw new FormatException($"not valid JSON at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}", error);
        }
    }

    /// <summary>Finds a key that stands twice in an object, or a text with half of a surrogate pair.</summary>
    /// <param name="value">The value.</param>
    /// <param name="path">Keys that lead to it; empty for the outermost value.</param>
    /// <returns>What is wrong, with the path to it; null for nothing.</returns>
    public static string? FindProblem(JsonElement value, string path = "") => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray().Select((item, i) => FindProblem(item, $"{path}[{i}]")).FirstOrDefault(problem => problem != null),
        JsonValueKind.Object => FindProblemOfObject(value, path),
        JsonValueKind.String when TextOf(value.GetString) == null => $"\"{path}\" must be Unicode text",
        _ => null,
    };

    private static string? FindProblemOfObject(JsonElement value, string path)
    {
        HashSet<string> keys = [];
        foreach (JsonProperty property in value.EnumerateObject())
        {
            if (TextOf(() => property.Name) is not string name)
                return path == "" ? "a key is not Unicode text" : $"a key of \"{path}\" is not Unicode text";
            string shown = MessageText.Clean(name, ShownKey), place = path == "" ? shown : $"{path}.{shown}";
            if (!keys.Add(name))
                return $"\"{place}\" stands twice";
            if (FindProblem(property.Value, place) is string problem)
                return problem;
        }
        return null;
    }

    /// <returns>Null for half of a surrogate pair.</returns>
    private static string? TextOf(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
