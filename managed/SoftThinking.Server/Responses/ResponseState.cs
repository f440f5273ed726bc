using SoftThinking.Chat;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Responses;

/// <summary>How far a response has come.</summary>
/// <param name="Start">Null before its start.</param>
/// <param name="Blocks">Its output so far.</param>
/// <param name="End">Null before its end.</param>
/// <param name="Usage">Counts tokens, which are known at the end.</param>
/// <param name="Error">Why it failed, if it did.</param>
internal sealed record ResponseState(GenerationStarted? Start, IReadOnlyList<ReplyBlock> Blocks, ReplyEnded? End, ReplyUsage Usage, WireError? Error = null)
{
    public bool IsCut => End?.End.Reason == FinishReason.Length;

    public string Status => Error != null ? "failed" : End == null ? "in_progress" : IsCut ? "incomplete" : "completed";

    /// <summary>Status of an item: the last one may be cut.</summary>
    public string StatusOf(ReplyBlock block) => block.Index < Blocks.Count - 1 || Status == "completed" ? "completed" : Status == "in_progress" ? Status : "incomplete";
}
