using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using SoftThinking.Chat;

namespace SoftThinking.Extensions.AI;

/// <summary>Tools in the shape that chat templates expect.</summary>
internal static class ToolSchemas
{
    /// <summary>The tools that the model may call; null for none.</summary>
    /// <exception cref="NotSupportedException">A tool is no function, or the model knows no tools.</exception>
    public static JsonArray? Of(ChatOptions options, Engine engine)
    {
        if (options.Tools is not { Count: > 0 } tools || options.ToolMode is NoneChatToolMode)
            return null;
        return engine.ToolCallSyntax != ToolCallSyntax.None
            ? [.. tools.Select(ToJson)]
            : throw new NotSupportedException("ChatOptions.Tools: this model's chat template knows no tools");
    }

    private static JsonNode ToJson(AITool tool) => tool is AIFunctionDeclaration function
        ? new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = function.Name,
                ["description"] = function.Description,
                ["parameters"] = JsonValues.ToNode(function.JsonSchema),
            },
        }
        : throw new NotSupportedException($"ChatOptions.Tools: \"{tool.Name}\" ({tool.GetType().Name}) is no function, and only functions can be called");
}
