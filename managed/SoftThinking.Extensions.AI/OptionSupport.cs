using Microsoft.Extensions.AI;

namespace SoftThinking.Extensions.AI;

/// <summary>Options that would change the reply in a way that the engine does not know.</summary>
internal static class OptionSupport
{
    /// <param name="modelId">Name of the model; null for any.</param>
    /// <exception cref="NotSupportedException">An option asks for what the engine does not know.</exception>
    /// <exception cref="ArgumentException">The options name another model.</exception>
    public static void Check(ChatOptions options, string? modelId)
    {
        if (options.ModelId is string named && modelId != null && named != modelId)
            throw new ArgumentException($"ChatOptions.ModelId is \"{named}\"; this client has \"{modelId}\"", nameof(options));
        if (options.ConversationId != null)
            throw new NotSupportedException("ChatOptions.ConversationId is not supported: the engine keeps no conversations; pass all messages");
        if (options.ResponseFormat is not (null or ChatResponseFormatText))
            throw new NotSupportedException("ChatOptions.ResponseFormat must be text: JSON cannot be enforced, as there are no grammars");
        if (options.ToolMode is RequiredChatToolMode)
            throw new NotSupportedException("ChatOptions.ToolMode must be auto or none: that a tool is called cannot be enforced, as there are no grammars");
        if (options.ContinuationToken != null)
            throw new NotSupportedException("ChatOptions.ContinuationToken is not supported: a reply is generated while it is read");
    }
}
