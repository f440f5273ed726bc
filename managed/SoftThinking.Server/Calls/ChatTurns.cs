using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>Conversations as prompts.</summary>
internal static class ChatTurns
{
    private const string System = "system", Developer = "developer";

    /// <summary>Checks how many messages or items a conversation has.</summary>
    /// <exception cref="JsonFieldException">There are too many.</exception>
    public static JsonField CheckLength(JsonField field, int most) => field.Value.ValueKind == JsonValueKind.Array && field.Value.GetArrayLength() > most
        ? throw new JsonFieldException(field.Key, $"{field.Key} has more than {most} messages")
        : field;

    /// <summary>A call whose fields were read, ready for the engine.</summary>
    /// <exception cref="WireException">The conversation has tools, and the model knows none.</exception>
    public static Call Complete(Call call, CallContext context)
    {
        ChatPrompt? defaults = context.Model.Defaults.Prompt as ChatPrompt;
        call = call.WithChat(chat => chat with { Messages = [.. StartOf(chat, defaults), .. chat.Messages.Select(ForTemplate)] });
        return ToolFields.Complete(call, context.Model.Engine);
    }

    public static bool IsSystem(ChatMessage message) => message.Role is System or Developer;

    /// <summary>The server's own messages, such as its system message, precede a conversation that has no system message.</summary>
    private static IReadOnlyList<ChatMessage> StartOf(ChatPrompt chat, ChatPrompt? defaults) => defaults == null || IsSystem(chat.Messages[0]) ? [] : defaults.Messages;

    /// <summary>A message as all templates know it: other names of the role and of the thought are replaced, and arguments are objects.</summary>
    private static ChatMessage ForTemplate(ChatMessage message) => message with
    {
        Role = message.Role == Developer ? System : message.Role,
        Reasoning = message.Reasoning ?? OtherReasoning(message.Extra),
        ToolCalls = message.ToolCalls is { } calls ? ToolArguments.Parse(calls) : null,
    };

    private static string? OtherReasoning(JsonElement? extra) =>
        extra is { } fields && fields.TryGetProperty("reasoning", out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
}
