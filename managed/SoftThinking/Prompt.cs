using System.Text.Json.Nodes;

namespace SoftThinking;

/// <summary>What a sequence starts with: a <see cref="ChatPrompt"/>, a <see cref="TextPrompt"/> or a
/// <see cref="TokenPrompt"/>.</summary>
public abstract record Prompt
{
    private protected Prompt()
    {
    }
}

/// <summary>A prompt of tokens, which may be concept tokens.</summary>
/// <param name="Tokens">At least one token; all ids within the model's vocabulary.</param>
public sealed record TokenPrompt(IReadOnlyList<ConceptToken> Tokens) : Prompt
{
    /// <summary>At least one token; all ids within the model's vocabulary.</summary>
    public IReadOnlyList<ConceptToken> Tokens { get; init => field = OptionRange.NotNull(value); } = OptionRange.NotNull(Tokens);
}

/// <summary>A prompt of text that goes to the model without a chat template. Special tokens spelled out in it are recognized.</summary>
/// <param name="Text">The text; it must encode to at least one token.</param>
public sealed record TextPrompt(string Text) : Prompt
{
    /// <summary>The text; it must encode to at least one token.</summary>
    public string Text { get; init => field = OptionRange.NotNull(value); } = OptionRange.NotNull(Text);

    /// <summary>Whether to add what the model's tokenizer adds around a text, such as a token that starts it.</summary>
    public bool AddSpecialTokens { get; init; } = true;
}

/// <summary>A conversation, rendered with the model's chat template. Special tokens and thought markers spelled out in the content of
/// a message are encoded as ordinary text, so that a message cannot forge the end of a turn; what the assistant said earlier
/// is left to the template, except for its tool calls.</summary>
/// <param name="Messages">The turns so far, at least one.</param>
public sealed record ChatPrompt(IReadOnlyList<ChatMessage> Messages) : Prompt
{
    /// <summary>The turns so far, at least one.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init => field = OptionRange.NotNull(value); } = OptionRange.NotNull(Messages);

    /// <summary>JSON schemas of the tools, an array; null for none.</summary>
    public JsonNode? Tools { get; init; }

    /// <summary>Further variables of the template, such as <c>enable_thinking</c>; they override all others.</summary>
    public JsonObject? TemplateVariables { get; init; }

    /// <summary>Whether to end with the start of an assistant turn.</summary>
    public bool AddGenerationPrompt { get; init; } = true;

    /// <summary>Whether special tokens and markers spelled out in messages are recognized as such.</summary>
    public bool AllowSpecialTokens { get; init; }
}
