namespace SoftThinking;

/// <summary>Whether a thought is open where the output starts.</summary>
public enum ThinkingStart
{
    /// <summary>As the prompt leaves it. Of a conversation the part that the template adds for the answer decides; of other
    /// prompts the last marker of a thought that follows the last special token. Without a marker soft thinking starts open, and
    /// otherwise the model may open the thought with its first tokens.</summary>
    Auto,

    /// <summary>The output starts inside a thought.</summary>
    Open,

    /// <summary>The output starts with the answer.</summary>
    Closed,
}
