namespace SoftThinking.Chat;

/// <summary>How a model writes tool calls.</summary>
public enum ToolCallSyntax
{
    /// <summary>Not, or in a way that is not known: a reply is text.</summary>
    None,

    /// <summary>Hermes and Qwen: <c>&lt;tool_call&gt;{"name": …, "arguments": {…}}&lt;/tool_call&gt;</c>.</summary>
    Hermes,

    /// <summary>Llama 3.1 and later: the whole answer is <c>{"name": …, "parameters": {…}}</c>, or several with semicolons between.</summary>
    Llama,

    /// <summary>Mistral: <c>[TOOL_CALLS] [{"name": …, "arguments": {…}}]</c>, or <c>[TOOL_CALLS]name[ARGS]{…}</c>.</summary>
    Mistral,
}
