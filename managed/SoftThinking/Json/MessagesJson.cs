using System.Buffers;
using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>Reads a conversation in the format of the OpenAI API, which chat templates use too.</summary>
internal static class MessagesJson
{
    /// <exception cref="ArgumentException">The value is not an array of messages, or a message is malformed.</exception>
    public static IReadOnlyList<ChatMessage> Read(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Array)
            throw field.Wrong("an array of objects");
        if (field.Value.GetArrayLength() == 0)
            throw new JsonFieldException(field.Key, $"{field.Key} must not be empty");
        return [.. field.Value.EnumerateArray().Select((message, i) => ReadMessage(new($"{field.Key}[{i}]", message)))];
    }

    private static ChatMessage ReadMessage(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Object)
            throw field.Wrong("an object");
        field.CheckContent();
        string? role = null;
        ChatMessage message = new("", null);
        List<JsonProperty> others = [];
        foreach (JsonProperty property in field.Value.EnumerateObject().Where(property => property.Value.ValueKind != JsonValueKind.Null))
        {
            JsonField inner = new($"{field.Key}.{property.Name}", property.Value);
            switch (property.Name)
            {
                case "role":
                    role = inner.Text();
                    break;
                case "content" when property.Value.ValueKind != JsonValueKind.Array:
                    message = message with { Content = inner.Text() };
                    break;
                case "reasoning_content" or "reasoning": // servers differ on the name
                    message = message with { Reasoning = inner.Text() };
                    break;
                case "tool_calls":
                    message = message with { ToolCalls = ReadCalls(inner) };
                    break;
                default:
                    if (property.Name == "content")
                        CheckParts(inner);
                    others.Add(property);
                    break;
            }
        }
        if (string.IsNullOrEmpty(role))
            throw new JsonFieldException(field.Key, $"{field.Key} has no role");
        bool hasContent = message.Content != null || message.ToolCalls != null || others.Any(other => other.Name == "content");
        if (!hasContent)
            throw new JsonFieldException(field.Key, $"{field.Key} has neither content nor tool_calls");
        return message with { Role = role, Extra = others.Count > 0 ? ToObject(others) : null };
    }

    /// <summary>An empty array counts as absent, for templates ask only whether there is one.</summary>
    private static JsonElement? ReadCalls(JsonField calls)
    {
        if (calls.Value.ValueKind != JsonValueKind.Array || calls.Value.EnumerateArray().Any(call => call.ValueKind != JsonValueKind.Object))
            throw calls.Wrong("an array of objects");
        return calls.Value.GetArrayLength() > 0 ? calls.Value : null;
    }

    /// <summary>The engine supports text only: the template would drop another kind of part, or render it as a meaningless
    /// token.</summary>
    private static void CheckParts(JsonField content)
    {
        int i = 0;
        foreach (JsonElement part in content.Value.EnumerateArray())
        {
            bool isText = part.ValueKind == JsonValueKind.Object
                && part.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text")
                && part.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String;
            if (!isText)
                throw new JsonField($"{content.Key}[{i}]", part).Wrong("a text part, {\"type\": \"text\", \"text\": \"…\"}");
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
