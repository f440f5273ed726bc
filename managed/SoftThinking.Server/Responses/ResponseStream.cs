using System.Text.Json;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Responses;

/// <summary>Writes a response as events.</summary>
internal sealed class ResponseStream(EventStream stream, Call call, ResponseWriter writer) : IReplyWriter
{
    private readonly ReplyBlocks _blocks = new(call.IncludeReasoning);
    private readonly ReplyUsage _usage = new();
    private GenerationStarted? _start;
    private ReplyEnded? _end;
    private int _sequence;

    private ResponseState State => new(_start, _blocks.All, _end, _usage);

    public void Add(ReplyEvent next)
    {
        _usage.Add(next);
        switch (next)
        {
            case ReplyStarted started:
                _start = started.Start;
                WriteResponse("response.created", State);
                WriteResponse("response.in_progress", State);
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

    public void End() => WriteResponse($"response.{State.Status}", State);

    public void Fail(WireError error)
    {
        if (_start != null)
        {
            WriteResponse("response.failed", State with { Error = error });
            return;
        }
        Write("error", json =>
        {
            json.WriteString("code", error.Code ?? error.Kind);
            json.WriteString("message", error.Message);
            json.WriteString("param", error.Field);
        });
    }

    public void KeepAlive() => stream.Comment();

    private void Write(IEnumerable<BlockChange> changes)
    {
        foreach (BlockChange change in changes)
        {
            PartEvents events = EventsOf(change.Block.Kind);
            switch (change)
            {
                case BlockBegun begun:
                    Begin(begun.Block, events);
                    break;
                case BlockExtended extended when extended.Text.Length > 0 || call.ConceptTokens || call.TokenIds:
                    Extend(extended, events);
                    break;
                case BlockEnded ended:
                    End(ended.Block, events);
                    break;
            }
        }
    }

    private PartEvents EventsOf(BlockKind kind) => kind switch
    {
        // Only one of the two: clients read both, and would show the thought twice.
        BlockKind.Thought => call.ReasoningAsSummary ? PartEvents.OfSummary : PartEvents.OfThought,
        BlockKind.Text => PartEvents.OfText,
        _ => PartEvents.OfCall,
    };

    private void Begin(ReplyBlock block, PartEvents events)
    {
        // The block itself has its first text already.
        WriteItem("response.output_item.added", new ReplyBlock(block.Kind, block.Index) { CallId = block.CallId, ToolName = block.ToolName }, "in_progress");
        WritePart(block, events, "added", "");
    }

    private void Extend(BlockExtended extended, PartEvents events) => WriteText(extended.Block, events, "delta", json =>
    {
        json.WriteString("delta", extended.Text);
        writer.WriteTokens(json, extended.Tokens);
    });

    private void End(ReplyBlock block, PartEvents events)
    {
        WriteText(block, events, "done", json => json.WriteString(events.Field, block.Text));
        WritePart(block, events, "done", block.Text);
        WriteItem("response.output_item.done", block, State.StatusOf(block));
    }

    private void WriteItem(string type, ReplyBlock block, string status) => Write(type, json =>
    {
        json.WriteNumber("output_index", block.Index);
        json.WritePropertyName("item");
        writer.WriteItem(json, block, status);
    });

    private void WritePart(ReplyBlock block, PartEvents events, string what, string text)
    {
        if (events.Part == null)
            return;
        Write($"{events.Part}.{what}", json =>
        {
            WritePlace(json, block, events);
            json.WritePropertyName("part");
            ResponseWriter.WritePart(json, events.Type!, text);
        });
    }

    private void WriteText(ReplyBlock block, PartEvents events, string what, Action<Utf8JsonWriter> write) => Write($"{events.Text}.{what}", json =>
    {
        WritePlace(json, block, events);
        write(json);
        if (block.Kind == BlockKind.Text)
        {
            json.WriteStartArray("logprobs");
            json.WriteEndArray();
        }
    });

    private void WritePlace(Utf8JsonWriter json, ReplyBlock block, PartEvents events)
    {
        json.WriteString("item_id", writer.IdOf(block));
        json.WriteNumber("output_index", block.Index);
        if (events.Index != null)
            json.WriteNumber(events.Index, 0);
    }

    private void WriteResponse(string type, ResponseState state) => Write(type, json =>
    {
        json.WritePropertyName("response");
        writer.Write(json, state);
    });

    private void Write(string type, Action<Utf8JsonWriter> write) => stream.Write(type, json =>
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteNumber("sequence_number", _sequence++);
        write(json);
        json.WriteEndObject();
    });
}
