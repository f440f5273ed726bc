using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Messages;

/// <summary>Checks that the events of a message are in a valid order: message_start, then for each block its start, deltas and stop, then
/// message_delta and message_stop; and adds them up.</summary>
internal sealed class MessageEvents
{
    private static readonly Dictionary<string, string> FieldsOfDeltas = new()
    {
        ["text_delta"] = "text",
        ["thinking_delta"] = "thinking",
        ["signature_delta"] = "signature",
        ["input_json_delta"] = "partial_json",
    };

    private readonly List<JsonElement> _events;
    private int _at;

    private MessageEvents(IEnumerable<(string? Name, string Data)> events) => _events = [.. events.Select(one => Parse(one.Name, one.Data))];

    /// <returns>The message that a client has at the end.</returns>
    public static JsonObject Check(IEnumerable<(string? Name, string Data)> events) => new MessageEvents(events).CheckAll();

    public static string TypeOf(JsonElement value) => value.GetProperty("type").GetString()!;

    private static JsonElement Parse(string? name, string data)
    {
        JsonElement value = JsonElement.Parse(data);
        Assert.That(TypeOf(value), Is.EqualTo(name));
        return value;
    }

    private JsonObject CheckAll()
    {
        JsonObject message = ToObject(Next("message_start").GetProperty("message"));
        Assert.That(message["content"]!.AsArray(), Is.Empty);
        while (TypeOf(_events[_at]) == "content_block_start")
            message["content"]!.AsArray().Add((JsonNode)CheckBlock(message["content"]!.AsArray().Count));
        JsonElement delta = Next("message_delta");
        foreach (JsonProperty property in delta.GetProperty("delta").EnumerateObject())
            message[property.Name] = JsonNode.Parse(property.Value.GetRawText());
        message["usage"] = ToObject(delta.GetProperty("usage"));
        Next("message_stop");
        Assert.That(_at, Is.EqualTo(_events.Count), "nothing follows the end");
        return message;
    }

    private JsonObject CheckBlock(int index)
    {
        JsonObject block = ToObject(Next("content_block_start", index).GetProperty("content_block"));
        string input = "";
        string[] allowed = (string)block["type"]! switch
        {
            "thinking" => ["thinking_delta", "signature_delta"],
            "text" => ["text_delta"],
            _ => ["input_json_delta"],
        };
        while (TypeOf(_events[_at]) == "content_block_delta")
        {
            JsonElement delta = Next("content_block_delta", index).GetProperty("delta");
            Assert.That(allowed, Does.Contain(TypeOf(delta)));
            string field = FieldsOfDeltas[TypeOf(delta)], text = delta.GetProperty(field).GetString()!;
            if (field == "partial_json")
                input += text;
            else
                block[field] = (string)block[field]! + text;
        }
        if (block.ContainsKey("input"))
        {
            Assert.That(block["input"]!.AsObject(), Is.Empty);
            block["input"] = JsonNode.Parse(input);
        }
        Next("content_block_stop", index);
        return block;
    }

    private JsonElement Next(string type, int index)
    {
        JsonElement next = Next(type);
        Assert.That(next.GetProperty("index").GetInt32(), Is.EqualTo(index));
        return next;
    }

    private JsonElement Next(string type)
    {
        Assert.That(TypeOf(_events[_at]), Is.EqualTo(type), $"event {_at}");
        return _events[_at++];
    }

    private static JsonObject ToObject(JsonElement value) => JsonNode.Parse(value.GetRawText())!.AsObject();
}
