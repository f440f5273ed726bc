using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Files;

namespace SoftThinking.Json;

/// <summary>A request as a JSON object: "prompt" or "messages", "system", "tools", "template_vars", limits, stops, and the sampling
/// options of <see cref="SamplingJson"/>.</summary>
public static class RequestJson
{
    private const string PromptKey = "prompt", MessagesKey = "messages", SystemKey = "system", ToolsKey = "tools", VariablesKey = "template_vars";

    /// <summary>Keys that have an effect only with a chat template.</summary>
    private static readonly string[] TemplateKeys = [MessagesKey, SystemKey, ToolsKey, VariablesKey];

    /// <summary>Variables that the engine itself passes to a template.</summary>
    private static readonly string[] ReservedVariables = ["messages", "tools", "add_generation_prompt"];

    private static readonly Dictionary<string, Func<GenerationRequest, JsonField, GenerationRequest>> Settings = new()
    {
        ["max_new_tokens"] = (request, field) => request with { MaxNewTokens = field.Number<int>() },
        ["min_new_tokens"] = (request, field) => request with { MinNewTokens = field.Number<int>() },
        ["samples"] = (request, field) => request with { Samples = field.Number<int>() },
        ["log_probs"] = (request, field) => request with { LogProbs = field.Number<int>() },
        ["record"] = (request, field) => request with { Record = field.Flag() },
        ["stop"] = (request, field) => request with { StopStrings = ReadStops(field) },
        ["stop_in_thinking"] = (request, field) => request with { StopInThinking = field.Flag() },
        ["thinking"] = (request, field) => request with { Thinking = ReadThinking(field) },
    };

    /// <summary>The keys of a request, other than those of <see cref="SamplingJson.Keys"/>.</summary>
    public static IReadOnlyList<string> Keys { get; } = [PromptKey, .. TemplateKeys, .. Settings.Keys];

    /// <summary>Parses a text of JSON. It may start with a byte-order mark, and contain NaN and Infinity as Python's json module
    /// writes them, which only a <see cref="JsonField"/> recognizes as numbers.</summary>
    /// <param name="utf8">The text, in UTF-8.</param>
    /// <exception cref="ArgumentException">The text is not UTF-8 or not JSON, or a key occurs twice in an object. The message says
    /// where.</exception>
    public static JsonElement Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using JsonDocument document = JsonText.Parse(utf8, isLine: !utf8.Span.Contains((byte)'\n'));
            return document.RootElement.Clone();
        }
        catch (FormatException error)
        {
            throw new ArgumentException($"the text {error.Message}", error);
        }
    }

    /// <summary>Reads a request from an object. A key whose value is null counts as absent.</summary>
    /// <param name="value">The object. It must have a "prompt" or "messages".</param>
    /// <param name="defaults">The values of absent keys. If its prompt is a <see cref="ChatPrompt"/>, then its messages, such as a system
    /// message, precede those of the object, unless it has a system message of its own, and its template variables hold
    /// where the object names no others. With any other prompt, the object's "prompt" becomes a <see cref="TextPrompt"/>.</param>
    /// <param name="otherKeys">Further keys that the object may have, which the caller reads.</param>
    /// <exception cref="ArgumentNullException">The defaults are null.</exception>
    /// <exception cref="ArgumentException">The value is not an object; it has no prompt, or two; a key is unknown; or a value is of the
    /// wrong kind, or out of range. The message names the key.</exception>
    public static GenerationRequest Read(JsonElement value, GenerationRequest defaults, IEnumerable<string>? otherKeys = null)
    {
        ArgumentNullException.ThrowIfNull(defaults);
        if (value.ValueKind != JsonValueKind.Object)
            throw new ArgumentException("the request is not a JSON object");
        GenerationRequest request = defaults;
        Dictionary<string, JsonField> prompt = [];
        string[] others = [.. otherKeys ?? []];
        foreach (JsonField field in SamplingJson.InOrder(new JsonField("", value).Fields()))
        {
            bool present = field.Value.ValueKind != JsonValueKind.Null;
            if (others.Contains(field.Key))
                continue;
            if (field.Key == PromptKey || TemplateKeys.Contains(field.Key))
            {
                if (present)
                    prompt[field.Key] = field;
            }
            else if (SamplingJson.Find(field.Key) is SamplingKey key)
            {
                request = present ? request with { Sampling = key.Read(field, request.Sampling) } : request;
            }
            else if (Settings.TryGetValue(field.Key, out Func<GenerationRequest, JsonField, GenerationRequest>? set))
            {
                GenerationRequest before = request;
                request = present ? field.Apply(() => set(before, field)) : request;
            }
            else
            {
                throw new ArgumentException($"unknown key \"{field.Key}\"");
            }
        }
        return request with { Prompt = ReadPrompt(prompt, defaults.Prompt) };
    }

    /// <summary>Reads variables of a chat template from an object.</summary>
    /// <param name="value">The object.</param>
    /// <param name="key">Its key, for messages.</param>
    /// <param name="defaults">Variables that the object overrides one by one; null for none.</param>
    /// <exception cref="ArgumentNullException">The key is null.</exception>
    /// <exception cref="ArgumentException">The value is not an object; it names a variable that the engine sets; or it contains something
    /// that a template cannot read.</exception>
    public static JsonObject ReadTemplateVariables(JsonElement value, string key = VariablesKey, JsonObject? defaults = null)
    {
        ArgumentNullException.ThrowIfNull(key);
        JsonField field = new(key, value);
        if (value.ValueKind != JsonValueKind.Object)
            throw field.Wrong("an object");
        JsonObject variables = defaults?.DeepClone().AsObject() ?? [];
        foreach (JsonField variable in field.Fields())
        {
            CheckVariable(key, variable);
            variables[variable.Key] = JsonNode.Parse(variable.Value.GetRawText());
        }
        return variables;
    }

    /// <summary>Reads a conversation, an array of messages as the OpenAI API has them.</summary>
    /// <exception cref="JsonFieldException">The value is not an array of messages, or a message is malformed.</exception>
    /// <exception cref="ArgumentException">A key is not Unicode.</exception>
    public static IReadOnlyList<ChatMessage> ReadMessages(JsonField field) => MessagesJson.Read(field);

    /// <summary>Reads the schemas of tools, an array of objects.</summary>
    /// <exception cref="JsonFieldException">The value is something else, or contains what a template cannot read.</exception>
    /// <exception cref="ArgumentException">A key is not Unicode.</exception>
    public static JsonArray ReadTools(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Array || field.Value.EnumerateArray().Any(tool => tool.ValueKind != JsonValueKind.Object))
            throw field.Wrong("an array of objects");
        return JsonNode.Parse(field.CheckContent().GetRawText())!.AsArray();
    }

    /// <summary>Reads texts that end an answer: one, or an array.</summary>
    /// <exception cref="JsonFieldException">The value is something else.</exception>
    public static IReadOnlyList<string> ReadStops(JsonField field) =>
        field.Value.ValueKind == JsonValueKind.Array ? [.. field.Elements().Select(text => text.Text())] : [field.Text()];

    private static Prompt ReadPrompt(Dictionary<string, JsonField> present, Prompt defaults)
    {
        bool hasPrompt = present.TryGetValue(PromptKey, out JsonField prompt);
        bool hasMessages = present.TryGetValue(MessagesKey, out JsonField messages);
        if (defaults is not ChatPrompt && TemplateKeys.FirstOrDefault(present.ContainsKey) is string key)
            throw new ArgumentException($"\"{key}\" needs the chat template, which a raw prompt (--raw on the command line) does without");
        IReadOnlyList<ChatMessage> turns = hasMessages ? ReadMessages(messages) : [];
        if (!hasPrompt && !hasMessages)
            throw new ArgumentException($"\"{PromptKey}\" or \"{MessagesKey}\" is missing");
        if (hasPrompt && hasMessages)
            throw new ArgumentException($"\"{PromptKey}\" and \"{MessagesKey}\" cannot be combined");
        if (hasMessages && present.ContainsKey(SystemKey))
            throw new ArgumentException($"\"{SystemKey}\" and \"{MessagesKey}\" cannot be combined: put a system message first in \"{MessagesKey}\"");
        if (hasPrompt && prompt.Text().Length == 0)
            throw new ArgumentException("the prompt is empty");
        if (defaults is not ChatPrompt chat)
            return new TextPrompt(prompt.Text());
        if (hasPrompt)
            turns = [new ChatMessage("user", prompt.Text())];
        return ReadTemplate(present, chat) with { Messages = [.. Before(turns, present, chat), .. turns] };
    }

    private static ChatPrompt ReadTemplate(Dictionary<string, JsonField> present, ChatPrompt defaults)
    {
        if (present.TryGetValue(ToolsKey, out JsonField tools))
            defaults = defaults with { Tools = ReadTools(tools) };
        return present.TryGetValue(VariablesKey, out JsonField variables)
            ? defaults with { TemplateVariables = ReadTemplateVariables(variables.Value, VariablesKey, defaults.TemplateVariables) }
            : defaults;
    }

    private static IEnumerable<ChatMessage> Before(IReadOnlyList<ChatMessage> turns, Dictionary<string, JsonField> present, ChatPrompt defaults)
    {
        if (present.TryGetValue(SystemKey, out JsonField system))
            return [new ChatMessage("system", system.Text())];
        return turns[0].Role is "system" or "developer" ? [] : defaults.Messages;
    }

    /// <exception cref="JsonFieldException">The engine sets the variable, or a template cannot read it.</exception>
    private static void CheckVariable(string key, JsonField variable)
    {
        string field = $"{key}.{variable.Key}", name = $"the template variable '{variable.Key}'";
        if (ReservedVariables.Contains(variable.Key))
            throw new JsonFieldException(field, $"{name} is set by the engine itself");
        try
        {
            (variable with { Key = name }).CheckContent();
        }
        catch (JsonFieldException error)
        {
            throw new JsonFieldException(field, error.Message, error);
        }
    }

    private static ThinkingStart ReadThinking(JsonField field) => field.Text() switch
    {
        "auto" => ThinkingStart.Auto,
        "open" => ThinkingStart.Open,
        "closed" => ThinkingStart.Closed,
        _ => throw field.Wrong("\"auto\", \"open\" or \"closed\""),
    };
}
