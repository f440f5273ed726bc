namespace SoftThinking.Server;

/// <summary>The field of a reply that holds the thought. Clients that read both fields would show it twice.</summary>
public enum ReasoningField
{
    /// <summary><c>reasoning_content</c>, which most clients read.</summary>
    ReasoningContent,

    /// <summary><c>reasoning</c>.</summary>
    Reasoning,

    /// <summary>Both.</summary>
    Both,
}
