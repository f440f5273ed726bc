using System.Buffers;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Reads "messages" and "tools" of a line: a conversation in the format of the OpenAI API, which chat templates
/// use too.</summary>
internal static class ChatMessages
{
    /// <exception cref="ArgumentException">The value is not an array of messages, or a message is malformed.</exception>
    public static IReadOnlyList<ChatMessage> Read(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw JsonValue.Wrong("messages", "an array of objects", value);
        if (value.GetArrayLength() == 0)
            throw new ArgumentException("messages must not be empty");
        return [.. value.EnumerateArray().Select((message, i) => ReadMessage($"messages[{i}]", message))];
    }

    /// <summary>Checks "tools": an array of objects, which the template interprets.</summary>
    /// <exception cref="ArgumentException">The value is not an array of objects.</exception>
    public static JsonElement ReadTools(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(tool => tool.ValueKind != JsonValueKind.Object))
            throw JsonValue.Wrong("tools", "an array of objects", value);
        JsonValue.CheckText("tools", value);
        return value;
    }

    private static ChatMessage ReadMessage(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw JsonValue.Wrong(name, "an object", value);
        JsonValue.CheckText(name, value);
        string? role = null;
        ChatMessage message = new("", null);
        List<JsonProperty> others = [];
        foreach (JsonProperty property in value.EnumerateObject().Where(property => property.Value.ValueKind != JsonValueKind.Null))
        {
            string key = $"{name}.{property.Name}";
            switch (property.Name)
            {
                case "role":
                    role = JsonValue.Text(key, property.Value);
                    break;
                case "content" when property.Value.ValueKind != JsonValueKind.Array:
                    message = message with { Content = JsonValue.Text(key, property.Value) };
                    break;
                case "reasoning_content":
                    message = message with { Reasoning = JsonValue.Text(key, property.Value) };
                    break;
                case "tool_calls":
                    message = message with { ToolCalls = CheckArray(key, property.Value) };
                    break;
                default:
                    if (property.Name == "content")
                        CheckParts(key, property.Value);
                    others.Add(property);
                    break;
            }
        }
        if (string.IsNullOrEmpty(role))
            throw new ArgumentException($"{name} has no role");
        bool hasContent = message.Content != null || message.ToolCalls != null || others.Any(other => other.Name == "content");
        if (!hasContent)
            throw new ArgumentException($"{name} has neither content nor tool_calls");
        return message with { Role = role, Extra = others.Count > 0 ? ToObject(others) : null };
    }

    private static JsonElement CheckArray(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? value : throw JsonValue.Wrong(key, "an array", value);

    /// <summary>The engine supports text only: the template would drop another kind of part, or render it as a meaningless
    /// token.</summary>
    private static void CheckParts(string key, JsonElement parts)
    {
        int i = 0;
        foreach (JsonElement part in parts.EnumerateArray())
        {
            bool isText = part.ValueKind == JsonValueKind.Object
                && part.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text")
                && part.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String;
            if (!isText)
                throw JsonValue.Wrong($"{key}[{i}]", "a text part, {\"type\": \"text\", \"text\": \"…\"}", part);
            i++;
        }
    }

    private static JsonElement ToObject(List<JsonProperty> properties)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartObject();
            foreach (JsonProperty property in properties)
                property.WriteTo(json);
            json.WriteEndObject();
        }
        return JsonElement.Parse(buffer.WrittenSpan);
    }
}
