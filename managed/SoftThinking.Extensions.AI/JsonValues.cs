using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace SoftThinking.Extensions.AI;

/// <summary>Values of .NET as JSON.</summary>
internal static class JsonValues
{
    private static readonly JsonSerializerOptions OnOneLine =
        new(AIJsonUtilities.DefaultOptions) { WriteIndented = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="NotSupportedException">There is no contract for the type of the value: without reflection,
    /// <see cref="AIJsonUtilities.DefaultOptions"/> knows common types only.</exception>
    public static JsonNode? ToNode(object? value) => value switch
    {
        null => null,
        JsonNode node => node.DeepClone(),
        _ => JsonSerializer.SerializeToNode(value, AIJsonUtilities.DefaultOptions.GetTypeInfo(value.GetType())),
    };

    /// <summary>A value as a model reads it: a text as it is, everything else as JSON.</summary>
    /// <exception cref="NotSupportedException">As for <see cref="ToNode"/>.</exception>
    public static string ToText(object? value) => value switch
    {
        string text => text,
        TextContent content => content.Text,
        JsonElement { ValueKind: JsonValueKind.String } element => element.GetString()!,
        _ => ToNode(value)?.ToJsonString(OnOneLine) ?? "null",
    };
}
