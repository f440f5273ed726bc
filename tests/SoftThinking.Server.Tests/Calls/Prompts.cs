using System.Text.Json;
using SoftThinking.Server.Calls;

namespace SoftThinking.Server.Tests.Calls;

/// <summary>Reads requests as a server does, up to their prompts.</summary>
internal sealed class Prompts(Engine engine, ServerOptions options)
{
    private CallContext Context => new(new ServedModel(engine, options), options);

    public Call Read(IDialect dialect, string body) => dialect.Read(JsonElement.Parse(body), Context);

    /// <summary>All of a conversation that a template could show.</summary>
    public static string Describe(Call call)
    {
        ChatPrompt chat = (ChatPrompt)call.Request.Prompt;
        return string.Join('\n', chat.Messages.Select(Describe).Append($"tools {chat.Tools?.ToJsonString()}"));
    }

    private static string Describe(ChatMessage message) => string.Join(" | ", message.Role, message.Content ?? "-", message.Reasoning ?? "-", TextOf(message.ToolCalls), TextOf(message.Extra));

    private static string TextOf(JsonElement? value) => value is { } element ? JsonSerializer.Serialize(element) : "-";
}
