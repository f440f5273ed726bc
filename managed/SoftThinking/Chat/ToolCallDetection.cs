using System.Text.RegularExpressions;

namespace SoftThinking.Chat;

/// <summary>Recognizes by its chat template how a model writes tool calls.</summary>
internal static partial class ToolCallDetection
{
    /// <param name="template">Source of the template; null for none.</param>
    public static ToolCallSyntax SyntaxOf(string? template)
    {
        if (template == null || !Tools().IsMatch(template))
            return ToolCallSyntax.None;
        if (Has("[TOOL_CALLS]"))
            return ToolCallSyntax.Mistral;
        if (Has("<tool_call>"))
            return Has("<function=") || Has("<arg_key>") ? ToolCallSyntax.None : ToolCallSyntax.Hermes; // XML in place of JSON
        return Has("\"parameters\"") && (Has("<|python_tag|>") || Has("ipython")) ? ToolCallSyntax.Llama : ToolCallSyntax.None;

        bool Has(string text) => template.Contains(text, StringComparison.Ordinal);
    }

    /// <summary>The variable that holds the tools.</summary>
    [GeneratedRegex(@"\btools\b")]
    private static partial Regex Tools();
}
