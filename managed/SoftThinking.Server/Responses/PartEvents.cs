namespace SoftThinking.Server.Responses;

/// <summary>The events of a part of an item.</summary>
/// <param name="Text">What precedes "delta" and "done" in the names of the events of its text.</param>
/// <param name="Field">The field of the last of them, which has the whole text.</param>
/// <param name="Part">What precedes "added" and "done" in the names of the events of the part itself; null where the item has no
/// parts.</param>
/// <param name="Index">The field of all that has the number of the part.</param>
/// <param name="Type">Type of the part.</param>
internal sealed record PartEvents(string Text, string Field, string? Part, string? Index, string? Type)
{
    public static PartEvents OfThought { get; } = new("response.reasoning_text", "text", "response.content_part", "content_index", "reasoning_text");

    public static PartEvents OfSummary { get; } = new("response.reasoning_summary_text", "text", "response.reasoning_summary_part", "summary_index", "summary_text");

    public static PartEvents OfText { get; } = new("response.output_text", "text", "response.content_part", "content_index", "output_text");

    public static PartEvents OfCall { get; } = new("response.function_call_arguments", "arguments", null, null, null);
}
