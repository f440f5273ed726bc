namespace SoftThinking.Files;

/// <summary>A token that a file next to tokenizer.json describes. Null where the file does not specify it.</summary>
/// <param name="Content">The text that stands for the token.</param>
internal sealed record ConfiguredToken(
    string Content,
    bool? IsSpecial = null,
    bool? IsNormalized = null,
    bool? IsSingleWord = null,
    bool? StripsLeft = null,
    bool? StripsRight = null)
{
    /// <summary>Reads an object such as {"content": "&lt;s&gt;", "lstrip": false}.</summary>
    public static ConfiguredToken Read(JsonSettings json) => new(
        json.OptionalText("content") ?? throw json.Refuse("content", "is missing"),
        json.OptionalFlag("special"),
        json.OptionalFlag("normalized"),
        json.OptionalFlag("single_word"),
        json.OptionalFlag("lstrip"),
        json.OptionalFlag("rstrip"));
}
