using SoftThinking.Tokenization;

namespace SoftThinking.Chat;

/// <summary>Divides one sample of a conversation's reply into thought, answer and tool calls, token by token. What its deltas add up to
/// does not depend on how they are read: the thought and the answer are those of <see cref="GeneratedSample"/>, less the tool
/// calls.</summary>
/// <example><code>
/// ChatReader reader = new(engine.Tokenizer, ToolCallSyntax.None);
/// await foreach (GenerationEvent next in engine.StreamAsync(request))
///     Console.Write(next switch { GeneratedToken token => reader.Add(token).Content, GenerationFinished => reader.Finish().Content, _ => "" });
/// </code></example>
public sealed class ChatReader
{
    private readonly ToolCallParser _calls;
    private readonly TrimmedText _reasoning = new();
    private readonly TrimmedText _content = new();

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="tools">How tool calls are written; <see cref="ToolCallSyntax.None"/> for a request without tools.</param>
    /// <exception cref="ArgumentNullException">The tokenizer is null.</exception>
    public ChatReader(Tokenizer tokenizer, ToolCallSyntax tools)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _calls = new ToolCallParser(tools, tokenizer);
    }

    /// <summary>Number of tool calls that were begun.</summary>
    public int ToolCalls => _calls.Count;

    /// <summary>Adds the next token.</summary>
    /// <exception cref="ArgumentNullException">The token is null.</exception>
    public ChatDelta Add(GeneratedToken token)
    {
        ArgumentNullException.ThrowIfNull(token);
        ChatDelta delta = new(token);
        if (token.Marker)
            return delta;
        if (token.Thinking)
            return delta with { Reasoning = _reasoning.Add(token.Text) };
        List<ToolCallDelta> calls = [];
        string text = _calls.Add(token, calls);
        return delta with { Content = _content.Add(text), ToolCalls = calls };
    }

    /// <summary>The sample has ended: what was held back.</summary>
    public ChatDelta Finish()
    {
        List<ToolCallDelta> calls = [];
        string text = _calls.Finish(calls);
        return new ChatDelta(null) { Content = _content.Add(text), ToolCalls = calls };
    }
}
