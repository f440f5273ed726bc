using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary>Writes a text completion in chunks.</summary>
internal sealed class CompletionStream(EventStream stream, Call call, CompletionWriter writer) : IReplyWriter
{
    private readonly ReplyUsage _usage = new();
    private readonly int[] _offsets = new int[call.Choices];

    public void Add(ReplyEvent next)
    {
        _usage.Add(next);
        switch (next)
        {
            case ReplyStarted started:
                WriteChunk(new CompletionPiece(next.Choice) { Start = started.Start });
                break;
            case ReplyPiece { Delta.Token: GeneratedToken token } when token.Text.Length > 0 || call.ConceptTokens || call.TokenIds || call.LogProbs:
                WriteChunk(new CompletionPiece(next.Choice) { Tokens = [token], Offset = _offsets[next.Choice] });
                _offsets[next.Choice] += CompletionLogProbs.Characters(token.Text);
                break;
            case ReplyEnded ended:
                WriteChunk(new CompletionPiece(next.Choice) { End = ended });
                break;
        }
    }

    public void End()
    {
        if (call.IncludeUsage)
            WriteChunk(null);
        stream.Write("[DONE]");
    }

    public void Fail(WireError error) => stream.Write(null, json => OpenAiError.Write(json, error));

    public void KeepAlive() => stream.Comment();

    /// <param name="piece">The chunk's choice; null for the one with the token counts.</param>
    private void WriteChunk(CompletionPiece? piece) => stream.Write(null, json =>
    {
        json.WriteStartObject();
        writer.WriteHead(json);
        json.WriteStartArray("choices");
        if (piece != null)
            writer.WriteChoice(json, piece);
        json.WriteEndArray();
        if (piece == null)
            UsageJson.Write(json, _usage);
        json.WriteEndObject();
    });
}
