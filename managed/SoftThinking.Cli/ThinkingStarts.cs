namespace SoftThinking.Cli;

/// <summary>The words of `--thinking` and of the key "thinking".</summary>
internal static class ThinkingStarts
{
    /// <returns>Null where the word is none of them.</returns>
    public static ThinkingStart? Parse(string word) => word switch
    {
        "auto" => ThinkingStart.Auto,
        "open" => ThinkingStart.Open,
        "closed" => ThinkingStart.Closed,
        _ => null,
    };
}
