namespace SoftThinking.Chat;

/// <summary>What a <see cref="ReplyBlock"/> is.</summary>
public enum BlockKind
{
    /// <summary>The thought, or a part of it.</summary>
    Thought,

    /// <summary>A text of the answer.</summary>
    Text,

    /// <summary>A tool call.</summary>
    ToolCall,
}
