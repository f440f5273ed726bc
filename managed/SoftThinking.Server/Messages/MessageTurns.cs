using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Messages;

/// <summary>Reads the messages of a conversation.</summary>
internal static class MessageTurns
{
    private const string User = "user", Assistant = "assistant", System = "system", Text = "text";

    /// <summary>What templates have no field for.</summary>
    private const string ErrorMark = "Error: ";

    /// <summary>The call with a conversation after the system message.</summary>
    /// <exception cref="JsonFieldException">A message is malformed, or has a block of a type that the server does not know.</exception>
    public static Call Read(Call call, JsonField field)
    {
        TurnList turns = new(((ChatPrompt)call.Request.Prompt).Messages);
        foreach (JsonField message in NotEmpty(ChatTurns.CheckLength(field, call.MaxMessages)))
            ReadMessage(message, turns);
        return call.WithChat(chat => chat with { Messages = turns.ToList() });
    }

    private static void ReadMessage(JsonField message, TurnList turns)
    {
        NamedFields fields = new(message);
        string role = OneOf.Read(fields.Get("role"), [User, Assistant, System]);
        JsonField content = fields.Get("content");
        if (role == System)
            turns.Add(new ChatMessage(System, TextParts.Read(content, Text)));
        else if (role == User)
            ReadUser(content, turns);
        else
            ReadAssistant(content, turns);
    }

    private static void ReadUser(JsonField content, TurnList turns)
    {
        if (content.Value.ValueKind != JsonValueKind.Array)
        {
            turns.Add(new ChatMessage(User, content.Text()));
            return;
        }
        List<string> texts = [];
        foreach (JsonField block in NotEmpty(content))
        {
            NamedFields fields = new(block);
            if (OneOf.Read(fields.Get("type"), [Text, "tool_result"]) == Text)
            {
                texts.Add(fields.Get(Text).Text());
                continue;
            }
            AddTexts();
            ReadResult(fields, turns);
        }
        AddTexts();

        void AddTexts()
        {
            if (texts.Count > 0)
                turns.Add(new ChatMessage(User, TextParts.Join(texts)));
            texts.Clear();
        }
    }

    private static void ReadResult(NamedFields fields, TurnList turns)
    {
        string text = fields.TryGet("content", out JsonField content) ? TextParts.Read(content, Text) : "";
        bool failed = fields.TryGet("is_error", out JsonField error) && error.Flag();
        turns.AddResult(fields.Get("tool_use_id").Text(), failed ? ErrorMark + text : text);
    }

    private static void ReadAssistant(JsonField content, TurnList turns)
    {
        if (content.Value.ValueKind != JsonValueKind.Array)
        {
            turns.AddText(content.Text());
            return;
        }
        turns.BeginAssistant();
        foreach (JsonField block in content.Elements())
        {
            NamedFields fields = new(block);
            switch (OneOf.Read(fields.Get("type"), [Text, "thinking", "redacted_thinking", "tool_use"]))
            {
                case Text:
                    turns.AddText(fields.Get(Text).Text());
                    break;
                case "thinking":
                    turns.AddThought(fields.Get("thinking").Text());
                    break;
                case "tool_use":
                    turns.AddCall(fields.Get("id").Text(), fields.Get("name").Text(), ReadInput(fields.Get("input")));
                    break;
            }
        }
    }

    private static IEnumerable<JsonField> NotEmpty(JsonField field) => field.Value.ValueKind == JsonValueKind.Array && field.Value.GetArrayLength() == 0
        ? throw new JsonFieldException(field.Key, $"{field.Key} must not be empty")
        : field.Elements();

    private static JsonNode ReadInput(JsonField input) => input.Value.ValueKind == JsonValueKind.Object ? JsonObject.Create(input.CheckContent())! : throw input.Wrong("an object");
}
