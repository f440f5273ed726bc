using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Native;

/// <summary>Writes results of <c>/generate</c> as they grow: every event has all of a result so far. Events become rarer as it
/// grows, so that all of them together are no more than a fixed multiple of the whole.</summary>
internal sealed class GenerateStream(EventStream stream, Call call, GenerateWriter writer) : IReplyWriter
{
    /// <summary>A result is written again when it has grown by this part of its length.</summary>
    private const int Part = 32;

    private readonly Reply _reply = new(call);
    private readonly int[] _written = new int[call.Choices]; // tokens of the last event of a choice

    public void Add(ReplyEvent next)
    {
        _reply.Add(next);
        Reply.Choice choice = _reply.Choices[next.Choice];
        int written = _written[next.Choice];
        if (choice.End == null && choice.Tokens.Count <= written + (written / Part))
            return;
        _written[next.Choice] = choice.Tokens.Count;
        stream.Write(null, json => writer.WriteResult(json, next.Choice, choice));
    }

    public void End() => stream.Write("[DONE]");

    public void Fail(WireError error) => stream.Write(null, json => OpenAiError.Write(json, Generate.Named(error)));

    public void KeepAlive() => stream.Comment();
}
