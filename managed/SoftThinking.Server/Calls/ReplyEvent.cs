using SoftThinking.Chat;

namespace SoftThinking.Server.Calls;

/// <summary>An event of one choice of a reply: started, pieces, ended.</summary>
/// <param name="Choice">Which one, from 0.</param>
internal abstract record ReplyEvent(int Choice);

/// <summary>The first event of a choice.</summary>
internal sealed record ReplyStarted(int Choice, GenerationStarted Start) : ReplyEvent(Choice);

/// <summary>A generated token, and what it adds.</summary>
internal sealed record ReplyPiece(int Choice, ChatDelta Delta) : ReplyEvent(Choice);

/// <summary>The last event of a choice.</summary>
/// <param name="CallsTools">Whether the choice has tool calls.</param>
internal sealed record ReplyEnded(int Choice, GenerationFinished End, bool CallsTools) : ReplyEvent(Choice)
{
    /// <summary>How its thought ended; null where it did not, or where there is none.</summary>
    public ThinkingEnd? ThinkingEnd { get; init; }

    /// <summary>Why the choice ended, by the names of the OpenAI API.</summary>
    public string FinishReason => End.Reason == SoftThinking.FinishReason.Length ? "length" : CallsTools ? "tool_calls" : "stop";
}
