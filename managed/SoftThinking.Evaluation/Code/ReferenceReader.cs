using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Code;

/// <summary>Reads references of unchecked shape. Every error names the key.</summary>
internal static class ReferenceReader
{
    public static JsonObject Object(JsonNode? node) =>
        node as JsonObject ?? throw new FormatException("The reference of a code problem must be an object.");

    /// <summary>A text, or a number as text.</summary>
    public static string Text(JsonObject item, string key)
    {
        JsonNode? node = item[key] ?? throw new FormatException($"\"{key}\" is missing.");
        return node.GetValueKind() switch
        {
            JsonValueKind.String => node.GetValue<string>(),
            JsonValueKind.Number => node.ToJsonString(),
            _ => throw new FormatException($"\"{key}\" must be text."),
        };
    }

    /// <summary>A text; null where the key is missing or null.</summary>
    public static string? OptionalText(JsonObject item, string key) => item[key] is null ? null : Text(item, key);

    public static IReadOnlyList<string> Texts(JsonObject item, string key)
    {
        JsonNode? node = item[key] ?? throw new FormatException($"\"{key}\" is missing.");
        if (node is not JsonArray array || array.Any(entry => entry?.GetValueKind() != JsonValueKind.String))
            throw new FormatException($"\"{key}\" must be a list of texts.");
        return [.. array.Select(entry => entry!.GetValue<string>())];
    }

    /// <summary>A value, or the value that a text holds as JSON.</summary>
    public static JsonNode? Nested(JsonNode? node, string key) =>
        node?.GetValueKind() == JsonValueKind.String ? Parse(node.GetValue<string>(), key) : node;

    public static JsonNode? Parse(string text, string key)
    {
        try
        {
            JsonElement json = UntrustedJson.Parse(Encoding.UTF8.GetBytes(text));
            return UntrustedJson.FindProblem(json, key) is string problem
                ? throw new FormatException($"{problem}.")
                : JsonNode.Parse(json.GetRawText());
        }
        catch (FormatException error) when (error.InnerException is JsonException)
        {
            throw new FormatException($"\"{key}\" must hold JSON.", error);
        }
    }
}
