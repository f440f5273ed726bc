using System.Text.Json;
using SoftThinking.Json;

namespace SoftThinking.Server.Calls;

/// <summary>Conversations as prompts.</summary>
internal static class ChatTurns
{
    /// <summary>Reads the turns of a conversation.</summary>
    /// <exception cref="JsonFieldException">A message is wrong, or there are too many.</exception>
    public static IReadOnlyList<ChatMessage> Read(JsonField field, int most) => field.Value.ValueKind == JsonValueKind.Array && field.Value.GetArrayLength() > most
        ? throw new JsonFieldException(field.Key, $"{field.Key} has more than {most} messages")
        : RequestJson.ReadMessages(field);

    /// <summary>A prompt with the turns of a conversation. The messages before it, such as the server's system message, stay only where
    /// the conversation has no system message of its own.</summary>
    public static ChatPrompt Add(ChatPrompt start, IReadOnlyList<ChatMessage> turns) =>
        start with { Messages = turns[0].Role is "system" or "developer" ? turns : [.. start.Messages, .. turns] };
}
