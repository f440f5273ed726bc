namespace SoftThinking.Cli;

/// <summary>The values of `--thinking` and of the key "thinking".</summary>
internal static class ThinkingStarts
{
    /// <returns>Null if the word is unknown.</returns>
    public static ThinkingStart? Parse(string word) => word switch
    {
        "auto" => ThinkingStart.Auto,
        "open" => ThinkingStart.Open,
        "closed" => ThinkingStart.Closed,
        _ => null,
    };
}
