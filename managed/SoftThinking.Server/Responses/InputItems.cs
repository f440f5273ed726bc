using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Responses;

/// <summary>Reads the input of a response.</summary>
internal static class InputItems
{
    private const string User = "user", Assistant = "assistant";

    private static readonly string[] Roles = [User, Assistant, "system", "developer"];
    private static readonly string[] TextTypes = ["input_text", "output_text"];

    public static IEnumerable<JsonObject> ReadTools(JsonField field) => ToolFields.ReadFlat(field, type: "function", schema: "parameters");

    /// <summary>The call with a conversation after the instructions.</summary>
    /// <exception cref="JsonFieldException">An item is malformed, or of a type that the server does not know.</exception>
    public static Call Read(Call call, JsonField field)
    {
        ChatPrompt start = (ChatPrompt)call.Request.Prompt;
        TurnList turns = new(start.Messages);
        List<JsonObject> tools = [];
        if (field.Value.ValueKind == JsonValueKind.String)
            turns.Add(new ChatMessage(User, field.Text()));
        else
            ReadItems(ChatTurns.CheckLength(field, call.MaxMessages), turns, tools);
        IReadOnlyList<ChatMessage> all = turns.ToList();
        if (all.Count == start.Messages.Count)
            all = [.. all, new ChatMessage(User, "")]; // clients probe a server with an empty input
        if (tools.Count > 0)
            call = ToolFields.With(call, (start.Tools?.AsArray() ?? []).Select(tool => tool!.DeepClone()).Concat(tools));
        return call.WithChat(chat => chat with { Messages = all });
    }

    private static void ReadItems(JsonField field, TurnList turns, List<JsonObject> tools)
    {
        if (field.Value.ValueKind != JsonValueKind.Array)
            throw field.Wrong("text or an array of items");
        foreach (JsonField item in field.Elements())
        {
            NamedFields fields = new(item);
            string type = fields.TryGet("type", out JsonField given) ? given.Text() : "message";
            switch (type)
            {
                case "message":
                    ReadMessage(fields, turns);
                    break;
                case "reasoning":
                    ReadReasoning(fields, turns);
                    break;
                case "function_call":
                    turns.AddCall(fields.Get("call_id").Text(), fields.Get("name").Text(), fields.Get("arguments").Text());
                    break;
                case "function_call_output":
                    turns.AddResult(fields.Get("call_id").Text(), TextParts.Read(fields.Get("output"), TextTypes));
                    break;
                case "additional_tools": // as Codex sends them
                    tools.AddRange(ReadTools(fields.Get("tools")));
                    break;
                default:
                    throw new JsonFieldException(given.Key, $"{given.Key}: items of the type \"{type}\" are not supported");
            }
        }
    }

    private static void ReadMessage(NamedFields fields, TurnList turns)
    {
        string role = OneOf.Read(fields.Get("role"), Roles);
        string text = TextParts.Read(fields.Get("content"), TextTypes);
        if (role == Assistant)
            turns.AddText(text);
        else
            turns.Add(new ChatMessage(role, text));
    }

    /// <summary>Reads a thought. The summary is the same, where it is this server's.</summary>
    private static void ReadReasoning(NamedFields fields, TurnList turns)
    {
        string thought = fields.TryGet("content", out JsonField content) ? TextParts.Read(content, "reasoning_text") : "";
        if (thought.Length == 0 && fields.TryGet("summary", out JsonField summary))
            thought = TextParts.Read(summary, "summary_text");
        if (thought.Length > 0)
            turns.AddThought(thought);
    }
}
