using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;

namespace SoftThinking.Server.Messages;

/// <summary>Writes messages and their blocks.</summary>
internal sealed class MessageWriter(Call call, CallContext context)
{
    /// <summary>Writes a whole message.</summary>
    public void Write(Utf8JsonWriter json, GenerationStarted start, IReadOnlyList<ReplyBlock> blocks, ReplyEnded end, ReplyUsage usage)
    {
        json.WriteStartObject();
        WriteHead(json, start);
        json.WriteStartArray("content");
        foreach (ReplyBlock block in blocks)
            WriteBlock(json, block);
        json.WriteEndArray();
        WriteStop(json, end);
        WriteUsage(json, usage);
        json.WriteEndObject();
    }

    /// <summary>Writes a message of which nothing is generated yet.</summary>
    public void WriteStart(Utf8JsonWriter json, GenerationStarted start)
    {
        json.WriteStartObject();
        WriteHead(json, start);
        json.WriteStartArray("content");
        json.WriteEndArray();
        WriteStop(json, null);
        WriteUsage(json, start.PromptTokens, 0, 0, 0);
        json.WriteEndObject();
    }

    /// <summary>Writes why a message ended, as properties.</summary>
    public static void WriteStop(Utf8JsonWriter json, ReplyEnded? end)
    {
        json.WriteString("stop_reason", end == null ? null : ReasonOf(end));
        json.WriteString("stop_sequence", end?.End.Stop?.Text);
    }

    public static void WriteUsage(Utf8JsonWriter json, ReplyUsage usage) =>
        WriteUsage(json, usage.PromptTokens, usage.CachedTokens, usage.CompletionTokens, usage.ThinkingTokens);

    /// <summary>What clients have to send back with a thought. It is not checked.</summary>
    public static string SignatureOf(string thought) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(thought)));

    /// <summary>Writes what a call shows of tokens.</summary>
    public void WriteTokens(Utf8JsonWriter json, IReadOnlyList<GeneratedToken> tokens) => TokenFields.Write(json, call, tokens, context.Tokenizer);

    /// <summary>Writes a block that is complete.</summary>
    private void WriteBlock(Utf8JsonWriter json, ReplyBlock block)
    {
        json.WriteStartObject();
        switch (block.Kind)
        {
            case BlockKind.Thought:
                json.WriteString("type", "thinking");
                json.WriteString("thinking", block.Text);
                json.WriteString("signature", SignatureOf(block.Text));
                break;
            case BlockKind.Text:
                json.WriteString("type", "text");
                json.WriteString("text", block.Text);
                break;
            case BlockKind.ToolCall:
                WriteToolUse(json, block, ToolArguments.ReadObject(block.Text));
                break;
        }
        WriteTokens(json, block.Tokens);
        json.WriteEndObject();
    }

    /// <summary>Writes a tool call as properties.</summary>
    /// <param name="input">Null where it is not known, or cut off.</param>
    public static void WriteToolUse(Utf8JsonWriter json, ReplyBlock block, JsonObject? input)
    {
        json.WriteString("type", "tool_use");
        json.WriteString("id", block.CallId);
        json.WriteString("name", block.ToolName);
        json.WritePropertyName("input");
        (input ?? []).WriteTo(json);
    }

    private void WriteHead(Utf8JsonWriter json, GenerationStarted start)
    {
        json.WriteString("id", "msg_" + context.Id);
        json.WriteString("type", "message");
        json.WriteString("role", "assistant");
        json.WriteString("model", context.Model.Name);
        json.WriteNumber("seed", start.Seed);
    }

    private static string ReasonOf(ReplyEnded end) => end switch
    {
        { End.Reason: FinishReason.Length } => "max_tokens",
        { CallsTools: true } => "tool_use",
        { End.Stop.Text: not null } => "stop_sequence",
        _ => "end_turn",
    };

    /// <param name="prompt">All of the prompt; the API counts the cached part apart.</param>
    private static void WriteUsage(Utf8JsonWriter json, int prompt, int cached, int completion, int thinking)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", prompt - cached);
        json.WriteNumber("cache_read_input_tokens", cached);
        json.WriteNumber("cache_creation_input_tokens", 0);
        json.WriteNumber("output_tokens", completion);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("thinking_tokens", thinking);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
