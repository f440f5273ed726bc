using System.Text;
using Microsoft.Extensions.AI;
using SoftThinking.Chat;
using SoftThinking.Json;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace SoftThinking.Extensions.AI;

/// <summary>Makes a reply from what the engine generates.</summary>
/// <param name="request">The request.</param>
/// <param name="options">What the caller asks for.</param>
/// <param name="modelId">Name of the model; null for none.</param>
internal sealed class ReplyBuilder(Engine engine, GenerationRequest request, ChatOptions options, string? modelId)
{
    private readonly ChatReader _reader = new(engine.Tokenizer, request.Prompt is ChatPrompt { Tools: not null } ? engine.ToolCallSyntax : ToolCallSyntax.None);
    private readonly ReplyBlocks _blocks = new(WithThought(options));
    private readonly string _id = NewId(), _messageId = NewId();
    private readonly DateTimeOffset _created = DateTimeOffset.UtcNow;

    public Engine Engine => engine;

    public GenerationRequest Request => request;

    /// <summary>The whole reply.</summary>
    public ChatResponse ToResponse(GenerationResult result)
    {
        GeneratedSample sample = result.Samples[0];
        foreach (GeneratedToken token in sample.Tokens)
            _blocks.Add(Piece(_reader.Add(token)));
        _blocks.Add(Piece(_reader.Finish()));
        AIChatMessage message = new(ChatRole.Assistant, [.. _blocks.All.Select(ToContent)]) { MessageId = _messageId, CreatedAt = _created };
        return new ChatResponse(message)
        {
            ResponseId = _id,
            ModelId = modelId,
            CreatedAt = _created,
            FinishReason = ReasonOf(sample.FinishReason),
            Usage = ToDetails(sample.Usage),
            RawRepresentation = result,
        };
    }

    /// <summary>The update for the next event; null where the caller does not want to see it.</summary>
    public ChatResponseUpdate? Add(GenerationEvent next) => next switch
    {
        GeneratedToken { Thinking: true } when !WithThought(options) => null,
        GeneratedToken token => ToUpdate(next, [.. ToContents(_blocks.Add(Piece(_reader.Add(token))))]),
        GenerationFinished finished => ToEnd(finished),
        _ => ToUpdate(next, []),
    };

    private ChatResponseUpdate ToEnd(GenerationFinished finished)
    {
        List<AIContent> contents = [.. ToContents(_blocks.Add(Piece(_reader.Finish())))];
        contents.AddRange(ToContents(_blocks.End()));
        contents.Add(new UsageContent(ToDetails(finished.Usage)));
        ChatResponseUpdate update = ToUpdate(finished, contents);
        update.FinishReason = ReasonOf(finished.Reason);
        return update;
    }

    private ChatResponseUpdate ToUpdate(GenerationEvent raw, IList<AIContent> contents) => new(ChatRole.Assistant, contents)
    {
        ResponseId = _id,
        MessageId = _messageId,
        ModelId = modelId,
        CreatedAt = _created,
        RawRepresentation = raw,
    };

    /// <summary>The piece, without what does not count.</summary>
    private ChatDelta Piece(ChatDelta delta) => options.AllowMultipleToolCalls == false && delta.ToolCalls.Count > 0
        ? delta with { ToolCalls = [.. delta.ToolCalls.Where(call => call.Index == 0)] }
        : delta;

    private ChatFinishReason ReasonOf(FinishReason reason) => reason == FinishReason.Length
        ? ChatFinishReason.Length
        : _reader.ToolCalls > 0 ? ChatFinishReason.ToolCalls : ChatFinishReason.Stop;

    /// <summary>Texts as they grow, tool calls once they are complete.</summary>
    private static IEnumerable<AIContent> ToContents(IEnumerable<BlockChange> changes)
    {
        foreach (BlockChange change in changes)
        {
            if (change is BlockExtended { Block.Kind: BlockKind.Thought, Text.Length: > 0 } thought)
                yield return new TextReasoningContent(thought.Text);
            else if (change is BlockExtended { Block.Kind: BlockKind.Text, Text.Length: > 0 } text)
                yield return new TextContent(text.Text);
            else if (change is BlockEnded { Block.Kind: BlockKind.ToolCall } call)
                yield return ToContent(call.Block);
        }
    }

    private static AIContent ToContent(ReplyBlock block) => block.Kind switch
    {
        BlockKind.Thought => new TextReasoningContent(block.Text),
        BlockKind.Text => new TextContent(block.Text),
        // Arguments of a call that broke off are no object; the content then has the error.
        _ => FunctionCallContent.CreateFromParsedArguments(block.Text, block.CallId, block.ToolName, ReadArguments),
    };

    private static Dictionary<string, object?> ReadArguments(string text) =>
        new JsonField("arguments", RequestJson.Parse(Encoding.UTF8.GetBytes(text))).Fields().ToDictionary(argument => argument.Key, argument => (object?)argument.Value);

    private static UsageDetails ToDetails(Usage usage) => new()
    {
        InputTokenCount = usage.PromptTokens,
        OutputTokenCount = usage.CompletionTokens,
        TotalTokenCount = usage.PromptTokens + usage.CompletionTokens,
        CachedInputTokenCount = usage.CachedTokens,
        ReasoningTokenCount = usage.ThinkingTokens,
    };

    private static bool WithThought(ChatOptions options) => options.Reasoning?.Output != ReasoningOutput.None;

    private static string NewId() => Guid.NewGuid().ToString("N");
}
