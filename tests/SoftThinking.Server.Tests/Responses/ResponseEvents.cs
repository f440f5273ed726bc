using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Responses;

/// <summary>Checks that the events of a response are in a valid order and agree with each other: created, in_progress, then for each item
/// added, its part, texts and done, then the response as a whole.</summary>
internal sealed class ResponseEvents
{
    private readonly List<JsonElement> _events;
    private int _at;

    private ResponseEvents(IEnumerable<(string? Name, string Data)> events)
    {
        _events = [.. events.Select(one => Parse(one.Name, one.Data))];
        Assert.That(_events.Select(one => one.GetProperty("sequence_number").GetInt32()), Is.EqualTo(Enumerable.Range(0, _events.Count)));
    }

    private bool AtItem => _at < _events.Count && TypeOf(_events[_at]) == "response.output_item.added";

    /// <returns>The response, of which everything else was checked to be a part.</returns>
    public static JsonElement Check(IEnumerable<(string? Name, string Data)> events) => new ResponseEvents(events).CheckAll();

    public static string TypeOf(JsonElement value) => value.GetProperty("type").GetString()!;

    private static JsonElement Parse(string? name, string data)
    {
        JsonElement value = JsonElement.Parse(data);
        Assert.That(TypeOf(value), Is.EqualTo(name));
        return value;
    }

    private JsonElement CheckAll()
    {
        Assert.That(Next("response.created").GetProperty("response").GetProperty("status").GetString(), Is.EqualTo("in_progress"));
        Assert.That(Next("response.in_progress").GetProperty("response").GetProperty("output").GetArrayLength(), Is.Zero);
        List<JsonElement> items = [];
        while (AtItem)
            items.Add(CheckItem(items.Count));
        JsonElement response = _events[_at].GetProperty("response");
        string status = response.GetProperty("status").GetString()!;
        Next($"response.{status}");
        Assert.Multiple(() =>
        {
            Assert.That(_at, Is.EqualTo(_events.Count), "nothing follows the response");
            Assert.That(status, Is.EqualTo("completed").Or.EqualTo("incomplete"));
            Assert.That(response.GetProperty("output").EnumerateArray().Select(item => item.GetRawText()), Is.EqualTo(items.Select(item => item.GetRawText())));
        });
        return response;
    }

    private JsonElement CheckItem(int index)
    {
        JsonElement added = Next("response.output_item.added");
        Assert.That(added.GetProperty("output_index").GetInt32(), Is.EqualTo(index));
        JsonElement begun = added.GetProperty("item");
        Assert.That(begun.GetProperty("status").GetString(), Is.EqualTo("in_progress"));
        Assert.That(TextOf(begun), Is.Empty);
        string id = begun.GetProperty("id").GetString()!;
        string text = TypeOf(begun) switch
        {
            "function_call" => CheckText("response.function_call_arguments", "arguments", id, index, part: null),
            "message" => CheckPart("response.content_part", "response.output_text", "content_index", id, index),
            _ when TypeOf(_events[_at]) == "response.content_part.added" => CheckPart("response.content_part", "response.reasoning_text", "content_index", id, index),
            _ => CheckPart("response.reasoning_summary_part", "response.reasoning_summary_text", "summary_index", id, index),
        };
        JsonElement done = Next("response.output_item.done");
        JsonElement item = done.GetProperty("item");
        Assert.Multiple(() =>
        {
            Assert.That(done.GetProperty("output_index").GetInt32(), Is.EqualTo(index));
            Assert.That(item.GetProperty("id").GetString(), Is.EqualTo(id));
            Assert.That(TypeOf(item), Is.EqualTo(TypeOf(begun)));
            Assert.That(TextOf(item), Is.EqualTo(text));
        });
        return item;
    }

    private string CheckPart(string part, string text, string index, string id, int item)
    {
        JsonElement added = Next($"{part}.added");
        CheckPlace(added, id, item, index);
        Assert.That(added.GetProperty("part").GetProperty("text").GetString(), Is.Empty);
        string whole = CheckText(text, "text", id, item, index);
        JsonElement done = Next($"{part}.done");
        CheckPlace(done, id, item, index);
        Assert.That(done.GetProperty("part").GetProperty("text").GetString(), Is.EqualTo(whole));
        return whole;
    }

    private string CheckText(string name, string field, string id, int item, string? part)
    {
        string text = "";
        while (TypeOf(_events[_at]) == $"{name}.delta")
        {
            CheckPlace(_events[_at], id, item, part);
            text += _events[_at++].GetProperty("delta").GetString();
        }
        JsonElement done = Next($"{name}.done");
        CheckPlace(done, id, item, part);
        Assert.That(done.GetProperty(field).GetString(), Is.EqualTo(text));
        return text;
    }

    private static void CheckPlace(JsonElement value, string id, int item, string? part) => Assert.Multiple(() =>
    {
        Assert.That(value.GetProperty("item_id").GetString(), Is.EqualTo(id));
        Assert.That(value.GetProperty("output_index").GetInt32(), Is.EqualTo(item));
        if (part != null)
            Assert.That(value.GetProperty(part).GetInt32(), Is.Zero);
    });

    private JsonElement Next(string type)
    {
        Assert.That(TypeOf(_events[_at]), Is.EqualTo(type), $"event {_at}");
        return _events[_at++];
    }

    /// <summary>Text of an item; of a thought, its summary, which equals its content.</summary>
    private static string TextOf(JsonElement item)
    {
        if (item.TryGetProperty("arguments", out JsonElement arguments))
            return arguments.GetString()!;
        string content = Join(item.GetProperty("content"));
        if (item.TryGetProperty("summary", out JsonElement summary))
            Assert.That(Join(summary), Is.EqualTo(content));
        return content;
    }

    private static string Join(JsonElement parts) => string.Concat(parts.EnumerateArray().Select(part => part.GetProperty("text").GetString()));
}
