namespace SoftThinking.Chat;

/// <summary>What a generated token adds to the reply of a conversation.</summary>
/// <param name="Token">The token; null for what is only decided at the end of the sample.</param>
public sealed record ChatDelta(GeneratedToken? Token)
{
    /// <summary>Text of the thought, without markers and without white space around the whole.</summary>
    public string Reasoning { get; init; } = "";

    /// <summary>Text of the answer, without white space around the whole and without tool calls.</summary>
    public string Content { get; init; } = "";

    /// <summary>Pieces of tool calls.</summary>
    public IReadOnlyList<ToolCallDelta> ToolCalls { get; init; } = [];

    /// <summary>Whether nothing is added to the text.</summary>
    public bool IsEmpty => Reasoning.Length == 0 && Content.Length == 0 && ToolCalls.Count == 0;
}
