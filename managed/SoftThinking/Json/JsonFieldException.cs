namespace SoftThinking.Json;

/// <summary>A field of a JSON object is not as it must be.</summary>
/// <param name="field">Which one, such as "messages[0].role".</param>
/// <param name="message">What is wrong. It names the field.</param>
/// <param name="inner">The error that caused it, if any.</param>
public sealed class JsonFieldException(string field, string message, Exception? inner = null) : ArgumentException(message, inner)
{
    /// <summary>Which field, such as "messages[0].role".</summary>
    public string Field { get; } = field;
}
