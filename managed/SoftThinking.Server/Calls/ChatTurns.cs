using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>Conversations as prompts.</summary>
internal static class ChatTurns
{
    private const string System = "system", Developer = "developer", Content = "content";

    /// <summary>Checks how many messages or items a conversation has.</summary>
    /// <exception cref="JsonFieldException">There are too many.</exception>
    public static JsonField CheckLength(JsonField field, int most) => field.Value.ValueKind == JsonValueKind.Array && field.Value.GetArrayLength() > most
        ? throw new JsonFieldException(field.Key, $"{field.Key} has more than {most} messages")
        : field;

    /// <summary>A call whose fields were read, ready for the engine.</summary>
    /// <exception cref="WireException">The model has no chat template; or the conversation has tools, and the model knows none.</exception>
    public static Call Complete(Call call, CallContext context)
    {
        if (context.Model.Engine.Template == null)
            throw new WireException(WireError.Invalid("the model has no chat template, which a conversation needs; /v1/completions continues a text without one"));
        ChatPrompt? defaults = context.Model.Defaults.Prompt as ChatPrompt;
        call = call.WithChat(chat => chat with { Messages = [.. StartOf(chat, defaults), .. chat.Messages.Select(ForTemplate)] });
        return ToolFields.Complete(call, context.Model.Engine);
    }

    /// <summary>The server's own messages, such as its system message, precede a conversation that has no system message.</summary>
    private static IReadOnlyList<ChatMessage> StartOf(ChatPrompt chat, ChatPrompt? defaults) => defaults == null || TurnList.IsSystem(chat.Messages[0]) ? [] : defaults.Messages;

    /// <summary>A message as all templates know it: a developer is the system, and parts of text are one text.</summary>
    private static ChatMessage ForTemplate(ChatMessage message)
    {
        if (message.Role == Developer)
            message = message with { Role = System };
        if (message.Extra is not JsonElement extra || !extra.TryGetProperty(Content, out JsonElement parts) || parts.ValueKind != JsonValueKind.Array)
            return message;
        JsonObject others = JsonObject.Create(extra)!;
        others.Remove(Content);
        return message with
        {
            Content = TextParts.Join(parts.EnumerateArray().Select(part => part.GetProperty("text").GetString()!)),
            Extra = others.Count > 0 ? JsonElement.Parse(others.ToJsonString()) : null,
        };
    }
}
