namespace SoftThinking.Server.Calls;

/// <summary>Conversations as prompts.</summary>
internal static class ChatTurns
{
    /// <summary>A prompt with the turns of a conversation. The messages before it, such as the server's system message, stay only where
    /// the conversation has no system message of its own.</summary>
    public static ChatPrompt Add(ChatPrompt start, IReadOnlyList<ChatMessage> turns) =>
        start with { Messages = turns[0].Role is "system" or "developer" ? turns : [.. start.Messages, .. turns] };
}
