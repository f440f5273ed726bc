using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;

namespace SoftThinking.Tests.Chat;

/// <summary>An answer of random text and random calls, and what has to be read from it.</summary>
internal sealed class RandomAnswer
{
    private static readonly string[] Words = ["Yes", " ", "\n", "<b>", "{\"x\": 1}", "[1]", "<", "<tool", "[TOOL", "</tool_call>", "é", "😀", ";", "{", "\"", "\\"];

    private readonly Random _random;
    private readonly StringBuilder _text = new();

    public RandomAnswer(ToolCallSyntax syntax, int seed)
    {
        _random = new Random(seed);
        switch (syntax)
        {
            case ToolCallSyntax.Hermes:
                WriteHermes();
                break;
            case ToolCallSyntax.Llama:
                WriteLlama();
                break;
            case ToolCallSyntax.Mistral:
                WriteMistral();
                break;
        }
    }

    public string Text => _text.ToString();

    public string Content { get; private set; } = "";

    public List<(string Name, string Arguments)> Calls { get; } = [];

    /// <summary>Words without meaning, among them parts of calls.</summary>
    public static string Garbage(ToolCallSyntax syntax, Random random)
    {
        string[] parts =
        [
            .. Words, ToolCallNotation.Of(syntax).Begin, "name", ":", ",", "}", "]", "[", "\"name\"", "\"arguments\"", "\"parameters\": {",
            "{\"name\": \"f\", ", "[ARGS]", "f", "0", "-1.5e", "null",
        ];
        return string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => parts[random.Next(parts.Length)]));
    }

    private void WriteHermes()
    {
        WriteContent();
        for (int calls = _random.Next(4); calls > 0; calls--)
        {
            _text.Append("<tool_call>").Append(Space()).Append(Call("arguments")).Append(Space()).Append("</tool_call>");
            WriteContent();
        }
    }

    private void WriteLlama()
    {
        if (_random.Next(3) == 0)
        {
            WriteContent("I call");
            _text.Append("<|python_tag|>");
        }
        _text.AppendJoin(_random.Next(2) == 0 ? "; " : ";", Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Call("parameters")));
    }

    private void WriteMistral()
    {
        WriteContent();
        if (_random.Next(2) == 0)
        {
            _text.Append("[TOOL_CALLS]").Append(Space()).Append('[');
            _text.AppendJoin("," + Space(), Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Call("arguments"))).Append(']');
            WriteContent("That");
            return;
        }
        for (int calls = _random.Next(4); calls > 0; calls--)
        {
            Calls.Add(($"f{_random.Next(9)}", Object(2).ToJsonString()));
            _text.Append("[TOOL_CALLS]").Append(Calls[^1].Name).Append(_random.Next(2) == 0 ? "[CALL_ID]abc" : "").Append("[ARGS]").Append(Calls[^1].Arguments);
        }
    }

    private void WriteContent(string first = "")
    {
        string words = first + string.Concat(Enumerable.Range(0, _random.Next(4)).Select(_ => Words[_random.Next(Words.Length)]));
        Content += words;
        _text.Append(words);
    }

    private string Call(string key)
    {
        string name = ((string[])["f", "get_weather", "é \"q\"\n"])[_random.Next(3)];
        string arguments = Object(2).ToJsonString(new JsonSerializerOptions { WriteIndented = _random.Next(2) == 0 });
        Calls.Add((name, arguments));
        string written = _random.Next(3) == 0 ? JsonSerializer.Serialize(arguments) : arguments; // as text
        string first = $"\"name\":{Space()}{JsonSerializer.Serialize(name)}", second = $"\"{key}\":{Space()}{written}";
        return _random.Next(2) == 0 ? $"{{{first},{Space()}{second}}}" : $"{{{second}{Space()},{first}}}";
    }

    private string Space() => ((string[])["", " ", "\n"])[_random.Next(3)];

    private JsonObject Object(int depth) => [.. Enumerable.Range(0, _random.Next(4)).Select(i => KeyValuePair.Create($"k{i}\"", Value(depth)))];

    private JsonNode? Value(int depth) => _random.Next(depth > 0 ? 7 : 5) switch
    {
        0 => null,
        1 => _random.Next(2) == 0,
        2 => _random.Next(-99, 99) * Math.Pow(10, _random.Next(-12, 12)),
        3 => string.Concat(Enumerable.Range(0, _random.Next(4)).Select(_ => Words[_random.Next(Words.Length)])),
        4 => "<tool_call>{\"name\": \"g\"}</tool_call>[TOOL_CALLS]",
        5 => new JsonArray([.. Enumerable.Range(0, _random.Next(3)).Select(_ => Value(depth - 1))]),
        _ => Object(depth - 1),
    };
}
