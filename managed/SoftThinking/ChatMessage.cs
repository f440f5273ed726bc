using System.Text.Json;

namespace SoftThinking;

/// <summary>One turn of a conversation, as chat templates see it.</summary>
/// <param name="Role">"system", "user", "assistant", "tool", or another role that the template knows.</param>
/// <param name="Content">Text of the turn; null where an assistant turn holds tool calls only.</param>
public sealed record ChatMessage(string Role, string? Content)
{
    /// <summary>"system", "user", "assistant", "tool", or another role that the template knows.</summary>
    public string Role { get; init => field = OptionRange.NotNull(value); } = OptionRange.NotNull(Role);

    /// <summary>Reasoning of an assistant turn, <c>reasoning_content</c> in templates; absent there when
    /// null.</summary>
    public string? Reasoning { get; init; }

    /// <summary>Tool calls of an assistant turn, <c>tool_calls</c> in templates: an array of
    /// {"type": "function", "function": {"name", "arguments"}}; absent there when null. Arguments are an object, or text that holds
    /// one; the template gets what it renders.</summary>
    public JsonElement? ToolCalls { get; init; }

    /// <summary>Further keys of the message, such as <c>name</c> or <c>tool_call_id</c>: an object. They override the
    /// properties above, so <c>content</c> can be a list of parts.</summary>
    public JsonElement? Extra { get; init; }
}
