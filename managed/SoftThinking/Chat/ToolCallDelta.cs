namespace SoftThinking.Chat;

/// <summary>A piece of a tool call.</summary>
/// <param name="Index">Which call of the reply, from 0.</param>
/// <param name="Arguments">What follows of the arguments, which are a JSON object in the end.</param>
public sealed record ToolCallDelta(int Index, string Arguments)
{
    /// <summary>Id of the call, by which its result is sent back; set on its first piece, as is <see cref="Name"/>.</summary>
    public string? Id { get; init; }

    /// <summary>Name of the tool.</summary>
    public string? Name { get; init; }
}
