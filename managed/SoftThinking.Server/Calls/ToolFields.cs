using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>The tools of a conversation.</summary>
internal static class ToolFields
{
    /// <summary>Reads tools; null for none.</summary>
    /// <exception cref="JsonFieldException">A tool is no function, or has no name.</exception>
    public static JsonArray? ReadTools(JsonField field)
    {
        JsonArray tools = RequestJson.ReadTools(field);
        for (int i = 0; i < tools.Count; i++)
        {
            if (tools[i]!["type"] is not JsonValue type || !type.TryGetValue(out string? kind) || kind != "function")
                throw new JsonFieldException($"{field.Key}[{i}].type", $"{field.Key}[{i}].type must be \"function\"");
            if (tools[i]!["function"] is not JsonObject function || function["name"] is not JsonValue name || !name.TryGetValue(out string? text) || text.Length == 0)
                throw new JsonFieldException($"{field.Key}[{i}].function.name", $"{field.Key}[{i}].function must have a name");
        }
        return tools.Count > 0 ? tools : null;
    }

    /// <summary>Whether the model may call tools.</summary>
    /// <exception cref="JsonFieldException">It has to call one, which cannot be enforced.</exception>
    public static bool ReadChoice(JsonField field) => field.Value.ValueKind == JsonValueKind.String && field.Text() is "auto" or "none"
        ? field.Text() == "auto"
        : throw new JsonFieldException(field.Key, $"{field.Key} must be \"auto\" or \"none\": that a tool is called cannot be enforced, as there are no grammars");

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
}
