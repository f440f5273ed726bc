using System.Text.Json;
using System.Text.Json.Nodes;
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

    private static string Describe(ChatMessage message) => string.Join(" | ", message.Role, message.Content ?? "-", message.Reasoning ?? "-", DescribeCalls(message.ToolCalls), message.Extra is { } extra ? JsonSerializer.Serialize(extra) : "-");

    /// <summary>Tool calls with their arguments as objects, whether they are or are the text of one.</summary>
    private static string DescribeCalls(JsonElement? calls)
    {
        JsonArray all = JsonNode.Parse(calls?.GetRawText() ?? "[]")!.AsArray();
        foreach (JsonObject function in all.Select(call => call!["function"]!.AsObject()))
        {
            if (function["arguments"] is JsonValue text)
                function["arguments"] = JsonNode.Parse((string)text!);
        }
        return all.ToJsonString();
    }
}
