using System.Text.Json;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary>Writes a chat completion in chunks.</summary>
internal sealed class ChatStream(EventStream stream, Call call, ChatWriter writer) : IReplyWriter
{
    private readonly ReplyUsage _usage = new();

    public void Add(ReplyEvent next)
    {
        _usage.Add(next);
        switch (next)
        {
            case ReplyStarted started:
                WriteChunk(started.Choice, null, [], null, started.Start);
                break;
            case ReplyPiece { Delta: ChatDelta delta } piece when IsShown(delta):
                WriteChunk(piece.Choice, delta, delta.Token is GeneratedToken token ? [token] : [], null, null);
                break;
            case ReplyEnded ended:
                WriteChunk(ended.Choice, null, [], ended, null);
                break;
        }
    }

    public void End()
    {
        if (call.IncludeUsage)
        {
            stream.Write(null, json =>
            {
                json.WriteStartObject();
                writer.WriteHead(json, "chat.completion.chunk", null);
                json.WriteStartArray("choices");
                json.WriteEndArray();
                UsageJson.Write(json, _usage);
                json.WriteEndObject();
            });
        }
        stream.Write("[DONE]");
    }

    public void Fail(WireError error) => stream.Write(null, json => OpenAiError.Write(json, error));

    public void KeepAlive() => stream.Comment();

    private bool IsShown(ChatDelta delta)
    {
        if (delta.Token is { Thinking: true } && !call.IncludeReasoning)
            return false;
        return !delta.IsEmpty || (delta.Token != null && (call.ConceptTokens || call.TokenIds || call.LogProbs));
    }

    private void WriteChunk(int choice, ChatDelta? delta, IReadOnlyList<GeneratedToken> tokens, ReplyEnded? end, GenerationStarted? start) => stream.Write(null, json =>
    {
        json.WriteStartObject();
        writer.WriteHead(json, "chat.completion.chunk", start);
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", choice);
        json.WriteStartObject("delta");
        if (start != null)
        {
            json.WriteString("role", "assistant");
            json.WriteString("content", "");
        }
        if (delta != null)
            WriteDelta(json, delta, tokens);
        json.WriteEndObject();
        if (tokens.Count > 0)
            writer.WriteDetails(json, tokens);
        writer.WriteEnd(json, end);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private void WriteDelta(Utf8JsonWriter json, ChatDelta delta, IReadOnlyList<GeneratedToken> tokens)
    {
        if (delta.Reasoning.Length > 0)
            writer.WriteReasoning(json, delta.Reasoning);
        if (delta.Content.Length > 0)
            json.WriteString("content", delta.Content);
        if (delta.ToolCalls.Count > 0)
            WriteToolCalls(json, delta.ToolCalls);
        if (tokens.Count > 0)
            writer.WriteTokens(json, tokens);
    }

    private static void WriteToolCalls(Utf8JsonWriter json, IReadOnlyList<ToolCallDelta> calls)
    {
        json.WriteStartArray("tool_calls");
        foreach (ToolCallDelta tool in calls)
        {
            json.WriteStartObject();
            json.WriteNumber("index", tool.Index);
            if (tool.Id != null)
            {
                json.WriteString("id", tool.Id);
                json.WriteString("type", "function");
            }
            json.WriteStartObject("function");
            if (tool.Name != null)
                json.WriteString("name", tool.Name);
            json.WriteString("arguments", tool.Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
