namespace SoftThinking.Server.Native;

/// <summary>A request for the tokens of a text or of a conversation.</summary>
internal sealed record TokenizeRequest
{
    /// <summary>The text; null for a conversation.</summary>
    public string? Text { get; init; }

    public bool? AddSpecialTokens { get; init; }

    /// <summary>Whether the reply has the text of each token.</summary>
    public bool Texts { get; init; }
}
