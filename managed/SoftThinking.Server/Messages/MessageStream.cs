using System.Text.Json;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Messages;

/// <summary>Writes a message as events.</summary>
internal sealed class MessageStream(EventStream stream, Call call, MessageWriter writer) : IReplyWriter
{
    private readonly ReplyBlocks _blocks = new(call.IncludeReasoning);
    private readonly ReplyUsage _usage = new();
    private ReplyEnded? _end;

    public void Add(ReplyEvent next)
    {
        _usage.Add(next);
        switch (next)
        {
            case ReplyStarted started:
                Write("message_start", json =>
                {
                    json.WritePropertyName("message");
                    writer.WriteStart(json, started.Start);
                });
                break;
            case ReplyPiece piece:
                Write(_blocks.Add(piece.Delta));
                break;
            case ReplyEnded ended:
                _end = ended;
                Write(_blocks.End());
                break;
        }
    }

    public void End()
    {
        Write("message_delta", json =>
        {
            json.WriteStartObject("delta");
            MessageWriter.WriteStop(json, _end);
            json.WriteEndObject();
            MessageWriter.WriteUsage(json, _usage);
        });
        Write("message_stop", _ => { });
    }

    public void Fail(WireError error) => stream.Write("error", json => MessagesError.Write(json, error));

    public void KeepAlive() => Write("ping", _ => { });

    private void Write(IEnumerable<BlockChange> changes)
    {
        foreach (BlockChange change in changes)
        {
            switch (change)
            {
                case BlockBegun begun:
                    Begin(begun.Block);
                    break;
                case BlockExtended extended when extended.Text.Length > 0 || call.ConceptTokens || call.TokenIds:
                    Extend(extended);
                    break;
                case BlockEnded ended:
                    End(ended.Block);
                    break;
            }
        }
    }

    private void Begin(ReplyBlock block) => Write("content_block_start", block, json =>
    {
        json.WriteStartObject("content_block");
        switch (block.Kind)
        {
            case BlockKind.Thought:
                json.WriteString("type", "thinking");
                json.WriteString("thinking", "");
                json.WriteString("signature", "");
                break;
            case BlockKind.Text:
                json.WriteString("type", "text");
                json.WriteString("text", "");
                break;
            case BlockKind.ToolCall:
                MessageWriter.WriteToolUse(json, block, input: null);
                break;
        }
        json.WriteEndObject();
    });

    private void Extend(BlockExtended extended)
    {
        (string type, string field) = extended.Block.Kind switch
        {
            BlockKind.Thought => ("thinking_delta", "thinking"),
            BlockKind.Text => ("text_delta", "text"),
            _ => ("input_json_delta", "partial_json"),
        };
        WriteDelta(extended.Block, type, field, extended.Text, extended.Tokens);
    }

    private void End(ReplyBlock block)
    {
        if (block.Kind == BlockKind.Thought)
            WriteDelta(block, "signature_delta", "signature", MessageWriter.SignatureOf(block.Text), []);
        Write("content_block_stop", block, _ => { });
    }

    private void WriteDelta(ReplyBlock block, string type, string field, string text, IReadOnlyList<GeneratedToken> tokens) => Write("content_block_delta", block, json =>
    {
        json.WriteStartObject("delta");
        json.WriteString("type", type);
        json.WriteString(field, text);
        json.WriteEndObject();
        if (tokens.Count > 0)
            writer.WriteTokens(json, tokens);
    });

    private void Write(string type, ReplyBlock block, Action<Utf8JsonWriter> write) => Write(type, json =>
    {
        json.WriteNumber("index", block.Index);
        write(json);
    });

    private void Write(string type, Action<Utf8JsonWriter> write) => stream.Write(type, json =>
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        write(json);
        json.WriteEndObject();
    });
}
