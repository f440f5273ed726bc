namespace SoftThinking.Chat;

/// <summary>The marks around tool calls.</summary>
/// <param name="Begin">Precedes calls; its first character occurs in it only once.</param>
/// <param name="End">Follows calls, if it is not empty.</param>
/// <param name="Separator">Stands between calls, if it is not empty.</param>
/// <param name="Inner">Between a call's name and its arguments.</param>
internal sealed record ToolCallNotation(string Begin, string End, string Separator, params string[] Inner)
{
    public string[] Marks => [Begin, End, .. Inner];

    public static ToolCallNotation Of(ToolCallSyntax syntax) => syntax switch
    {
        ToolCallSyntax.Hermes => new("<tool_call>", "</tool_call>", ""),
        ToolCallSyntax.Llama => new("<|python_tag|>", "", ";"),
        ToolCallSyntax.Mistral => new("[TOOL_CALLS]", "]", ",", "[CALL_ID]", "[ARGS]"),
        _ => new("", "", ""),
    };
}
