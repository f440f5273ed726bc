using SoftThinking.Tokenization;

namespace SoftThinking.Chat;

/// <summary>Separates the tool calls of an answer from its text, as the answer is generated.</summary>
internal sealed class ToolCallParser(ToolCallSyntax syntax, Tokenizer tokenizer)
{
    /// <summary>Number of calls that were begun.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an answer token.</summary>
    /// <param name="calls">Receives the pieces of calls that the token completed.</param>
    /// <returns>The text that it completed.</returns>
    public string Add(GeneratedToken token, List<ToolCallDelta> calls)
    {
        _ = (syntax, tokenizer, calls);
        return token.Text;
    }

    /// <summary>The answer has ended.</summary>
    /// <param name="calls">Receives the pieces of calls that were held back.</param>
    /// <returns>The text that was held back.</returns>
    public string Finish(List<ToolCallDelta> calls)
    {
        _ = calls;
        return "";
    }
}
