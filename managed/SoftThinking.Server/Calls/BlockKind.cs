namespace SoftThinking.Server.Calls;

/// <summary>What a <see cref="ReplyBlock"/> is.</summary>
internal enum BlockKind
{
    Thought,
    Text,
    ToolCall,
}
