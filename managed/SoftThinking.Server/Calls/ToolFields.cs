using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>The tools of a conversation.</summary>
internal static class ToolFields
{
    private const string Function = "function", Name = "name";

    public static Field<Call> Parallel { get; } = new("parallel_tool_calls", Schemas.Flag("Whether the reply may have several tool calls."),
        (call, field) => call with { SingleToolCall = !field.Flag() });

    /// <summary>Reads tools in the shape that templates expect; null for none.</summary>
    /// <exception cref="JsonFieldException">A tool is no function, or has no name.</exception>
    public static JsonArray? ReadTools(JsonField field)
    {
        JsonArray tools = RequestJson.ReadTools(field);
        for (int i = 0; i < tools.Count; i++)
        {
            if (tools[i]!["type"] is not JsonValue type || !type.TryGetValue(out string? kind) || kind != Function)
                throw new JsonFieldException($"{field.Key}[{i}].type", $"{field.Key}[{i}].type must be \"function\"");
            if (tools[i]![Function] is not JsonObject function || function[Name] is not JsonValue name || !name.TryGetValue(out string? text) || text.Length == 0)
                throw new JsonFieldException($"{field.Key}[{i}].function.name", $"{field.Key}[{i}].function must have a name");
        }
        return tools.Count > 0 ? tools : null;
    }

    /// <summary>Reads tools whose name, description and schema are their own fields. Those of other types, which a server itself would have
    /// to execute, are left out.</summary>
    /// <param name="type">The type of ours, which those without a type have, too.</param>
    /// <param name="schema">Name of the field with the schema of the arguments.</param>
    /// <exception cref="JsonFieldException">A tool has no name, or a field of the wrong kind.</exception>
    public static IEnumerable<JsonObject> ReadFlat(JsonField field, string type, string schema)
    {
        foreach (JsonField tool in field.Elements())
        {
            NamedFields fields = new(tool);
            if (!fields.TryGet("type", out JsonField given) || given.Text() == type)
                yield return ReadFunction(fields, schema);
        }
    }

    /// <summary>A call with these tools.</summary>
    public static Call With(Call call, IEnumerable<JsonNode> tools)
    {
        JsonArray all = [.. tools];
        return call.WithChat(chat => chat with { Tools = all.Count > 0 ? all : null });
    }

    /// <summary>A call that has its tools only if the model may call them.</summary>
    /// <exception cref="JsonFieldException">It has to call one, which cannot be enforced.</exception>
    public static Call WithChoice(Call call, JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.String || field.Text() is not ("auto" or "none"))
            throw new JsonFieldException(field.Key, $"{field.Key} must be \"auto\" or \"none\": that a tool is called cannot be enforced, as there are no grammars");
        return field.Text() == "auto" ? call : call.WithChat(chat => chat with { Tools = null });
    }

    /// <summary>The call, ready to read tool calls from the reply if it has tools.</summary>
    /// <exception cref="WireException">The model knows no tools.</exception>
    public static Call Complete(Call call, Engine engine)
    {
        if (call.Request.Prompt is not ChatPrompt { Tools: not null })
            return call;
        return engine.ToolCallSyntax is ToolCallSyntax syntax and not ToolCallSyntax.None
            ? call with { Tools = syntax }
            : throw new WireException(WireError.Invalid("this model's chat template knows no tools", "tools"));
    }

    private static JsonObject ReadFunction(NamedFields fields, string schema)
    {
        JsonObject function = new() { [Name] = ReadName(fields.Get(Name)) };
        if (fields.TryGet("description", out JsonField description))
            function["description"] = description.Text();
        if (fields.TryGet(schema, out JsonField parameters))
            function["parameters"] = ReadObject(parameters);
        return new JsonObject { ["type"] = Function, [Function] = function };
    }

    private static string ReadName(JsonField field) => field.Text() is { Length: > 0 } name ? name : throw new JsonFieldException(field.Key, $"{field.Key} must not be empty");

    private static JsonObject ReadObject(JsonField field) =>
        field.Value.ValueKind == JsonValueKind.Object ? JsonObject.Create(field.CheckContent())! : throw field.Wrong("an object");
}
