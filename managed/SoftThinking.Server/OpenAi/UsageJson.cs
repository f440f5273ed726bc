using System.Text.Json;
using SoftThinking.Server.Calls;

namespace SoftThinking.Server.OpenAi;

/// <summary>Token counts in the form of the OpenAI API.</summary>
internal static class UsageJson
{
    /// <summary>Writes the property "usage" of the open object.</summary>
    public static void Write(Utf8JsonWriter json, ReplyUsage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("completion_tokens", usage.CompletionTokens);
        json.WriteNumber("total_tokens", usage.TotalTokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details");
        json.WriteNumber("reasoning_tokens", usage.ThinkingTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
