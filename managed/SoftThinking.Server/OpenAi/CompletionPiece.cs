using SoftThinking.Server.Calls;

namespace SoftThinking.Server.OpenAi;

/// <summary>A piece of a choice of a text completion, or all of it.</summary>
/// <param name="Choice">Which choice, from 0.</param>
internal sealed record CompletionPiece(int Choice)
{
    /// <summary>Set on the first piece.</summary>
    public GenerationStarted? Start { get; init; }

    public IReadOnlyList<GeneratedToken> Tokens { get; init; } = [];

    /// <summary>Characters before the piece, as Unicode counts them.</summary>
    public int Offset { get; init; }

    /// <summary>Set on the last piece.</summary>
    public ReplyEnded? End { get; init; }

    public string Text => string.Concat(Tokens.Select(token => token.Text));
}
