using System.Text;

namespace SoftThinking.Chat;

/// <summary>A part of a reply: the thought, a text or a tool call.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Index">Its place in the reply.</param>
public sealed record ReplyBlock(BlockKind Kind, int Index)
{
    private readonly StringBuilder _text = new();
    private readonly List<GeneratedToken> _tokens = [];

    /// <summary>Id of a tool call.</summary>
    public string CallId { get; init; } = "";

    /// <summary>Name of the tool that is called.</summary>
    public string ToolName { get; init; } = "";

    /// <summary>The text so far; of a tool call, its arguments.</summary>
    public string Text => _text.ToString();

    /// <summary>The tokens so far.</summary>
    public IReadOnlyList<GeneratedToken> Tokens => _tokens;

    internal void Add(string text, IEnumerable<GeneratedToken> tokens)
    {
        _text.Append(text);
        _tokens.AddRange(tokens);
    }
}
