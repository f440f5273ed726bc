using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;

namespace SoftThinking.Server.Calls;

/// <summary>Arguments of tool calls. Clients send them back as the text of a JSON object; templates expect the object.</summary>
internal static class ToolArguments
{
    /// <summary>Tool calls of a message with their arguments as objects. What is no text of an object stays as it is.</summary>
    public static JsonElement Parse(JsonElement calls)
    {
        JsonArray parsed = JsonArray.Create(calls)!;
        foreach (JsonObject call in parsed.OfType<JsonObject>())
        {
            if (call["function"] is JsonObject function && function["arguments"] is JsonValue value && value.TryGetValue(out string? text) && ReadObject(text) is JsonNode arguments)
                function["arguments"] = arguments;
        }
        return JsonElement.Parse(parsed.ToJsonString());
    }

    /// <summary>A text as JSON object; null if it is none.</summary>
    public static JsonObject? ReadObject(string text)
    {
        try
        {
            JsonElement value = RequestJson.Parse(Encoding.UTF8.GetBytes(text));
            return JsonObject.Create(new JsonField("arguments", value).CheckContent());
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException) // the latter if it is something else
        {
            return null;
        }
    }
}
