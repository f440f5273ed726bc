using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Templating;

/// <summary>How a template wants the tool calls of earlier turns: clients send arguments as JSON text, and content that is null or empty;
/// most templates expect an object, some the text, and some fail on one of the two contents or leave the calls out.</summary>
/// <param name="TextArguments">Whether arguments are text that holds a JSON object, and not that object.</param>
/// <param name="EmptyContent">Whether the content of a turn that has none is "", and not null.</param>
/// <param name="OneCall">Whether a turn must not have several calls.</param>
internal sealed record ToolCallForm(bool TextArguments, bool EmptyContent, bool OneCall)
{
    private const string Name = "lookup", Result = "result of the call";

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // The preferred first.
    private static readonly ToolCallForm[] Forms =
        [new(false, false, false), new(false, true, false), new(true, false, false), new(true, true, false)];

    private static readonly JsonNode Tools = JsonNode.Parse(
        $$$"""
        [{"type": "function", "function": {"name": "{{{Name}}}", "description": "Looks up.", "parameters":
        {"type": "object", "properties": {"key": {"type": "string", "description": "Key"} }, "required": ["key"]} } }]
        """)!;

    /// <summary>Finds the form by rendering a small conversation.</summary>
    /// <returns>Null where the template shows the calls in no form.</returns>
    public static ToolCallForm? Of(ChatTemplate template)
    {
        foreach (string quote in new[] { "\"", "" }) // some templates write arguments in a way other than JSON
        {
            if (Forms.FirstOrDefault(form => form.IsOf(template, 1, quote)) is ToolCallForm found)
                return found with { OneCall = !found.IsOf(template, 2, quote) };
        }
        return null;
    }

    /// <summary>The conversation in this form. Arguments that are no JSON object stay as they are.</summary>
    public IReadOnlyList<ChatMessage> Apply(IReadOnlyList<ChatMessage> messages) =>
        [.. (OneCall ? Divide(messages) : messages).Select(Apply)];

    private ChatMessage Apply(ChatMessage message)
    {
        if (message.ToolCalls is not { ValueKind: JsonValueKind.Array } calls)
            return message;
        JsonArray formed = JsonNode.Parse(calls.GetRawText(), documentOptions: JsonValues.Deep)!.AsArray();
        foreach (JsonObject call in formed.OfType<JsonObject>())
        {
            JsonObject function = call["function"] as JsonObject ?? call;
            if (ObjectOf(function["arguments"]) is JsonObject arguments)
                function["arguments"] = TextArguments ? arguments.ToJsonString(Readable) : arguments;
        }
        return message with
        {
            Content = string.IsNullOrEmpty(message.Content) ? EmptyContent ? "" : null : message.Content,
            ToolCalls = JsonElement.Parse(formed.ToJsonString(), JsonValues.Deep),
        };
    }

    /// <summary>The object that arguments are, or that their text holds, where the form needs a change; else null.</summary>
    private JsonObject? ObjectOf(JsonNode? arguments)
    {
        if (arguments is JsonObject given)
            return TextArguments ? given : null;
        if (TextArguments || arguments is not JsonValue value)
            return null;
        try
        {
            JsonDocumentOptions options = new() { AllowDuplicateProperties = false };
            JsonObject? read = value.TryGetValue(out string? text) ? JsonNode.Parse(text, documentOptions: options) as JsonObject : null;
            JsonValues.From(read); // refuses what is no Unicode
            return read;
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>A turn for each call, followed by its result.</summary>
    private static IEnumerable<ChatMessage> Divide(IReadOnlyList<ChatMessage> messages)
    {
        for (int i = 0; i < messages.Count; i++)
        {
            ChatMessage message = messages[i];
            if (message.ToolCalls is not { ValueKind: JsonValueKind.Array } calls || calls.GetArrayLength() < 2)
            {
                yield return message;
                continue;
            }
            Dictionary<string, ChatMessage> results = [];
            Queue<ChatMessage> others = []; // results without an id
            for (; i + 1 < messages.Count && messages[i + 1].Role == "tool"; i++)
            {
                if (Raw(messages[i + 1].Extra, "tool_call_id") is not string id || !results.TryAdd(id, messages[i + 1]))
                    others.Enqueue(messages[i + 1]);
            }
            foreach (JsonElement call in calls.EnumerateArray())
            {
                yield return message with { ToolCalls = JsonElement.Parse($"[{call.GetRawText()}]", JsonValues.Deep) };
                message = message with { Content = null, Reasoning = null, Extra = null };
                if (results.Remove(Raw(call, "id") ?? "", out ChatMessage? result) || others.TryDequeue(out result))
                    yield return result;
            }
            foreach (ChatMessage rest in results.Values.Concat(others))
                yield return rest;
        }
    }

    private static string? Raw(JsonElement? json, string key) =>
        json is { ValueKind: JsonValueKind.Object } all && all.TryGetProperty(key, out JsonElement value) ? value.GetRawText() : null;

    private bool IsOf(ChatTemplate template, int calls, string quote)
    {
        try
        {
            string text = template.RenderAsIs(Apply(Probe(calls)), addGenerationPrompt: true, Tools, variables: null);
            return text.Contains(Result, StringComparison.Ordinal)
                && Enumerable.Range(0, calls).All(i => text.Contains(quote + ValueOf(i) + quote, StringComparison.Ordinal));
        }
        catch (TemplateException)
        {
            return false;
        }
    }

    private static ChatMessage[] Probe(int calls)
    {
        JsonArray probe = [.. Enumerable.Range(0, calls).Select(i => (JsonNode)new JsonObject
        {
            ["id"] = IdOf(i),
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = Name, ["arguments"] = new JsonObject { ["key"] = ValueOf(i) } },
        })];
        return
        [
            new("user", "What?"),
            new("assistant", null) { ToolCalls = JsonElement.Parse(probe.ToJsonString()) },
            .. Enumerable.Range(0, calls).Select(i => new ChatMessage("tool", Result)
            {
                Extra = JsonElement.Parse(new JsonObject { ["tool_call_id"] = IdOf(i), ["name"] = Name }.ToJsonString()),
            }),
        ];
    }

    private static string IdOf(int call) => $"00000000{call}"; // as long as Mistral's templates insist

    private static string ValueOf(int call) => $"value {call}";
}
