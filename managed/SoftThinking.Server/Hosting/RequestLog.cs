using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Telemetry;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>Reports one request: a line of the log at its end, and only if wanted its texts; and a span, if there are traces.</summary>
internal sealed partial class RequestLog(string path, ILogger logger, bool logsTexts) : IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly ReplyUsage _usage = new();
    private string _id = "-";
    private GenerationSpan? _span;

    private double Seconds => Stopwatch.GetElapsedTime(_start).TotalSeconds;

    public void Begin(Call call, CallContext context, JsonElement body)
    {
        _id = context.Id;
        _span = GenerationSpan.Start(call, context);
        if (logsTexts)
            Body(logger, _id, body.GetRawText());
    }

    public void Add(ReplyEvent next)
    {
        _usage.Add(next);
        _span?.Add(next);
        if (logsTexts && next is ReplyPiece { Delta.Token: GeneratedToken token })
            Token(logger, _id, next.Choice, token.Text);
    }

    public void End() => Ended(logger, _id, path, _usage.PromptTokens, _usage.CachedTokens, _usage.ThinkingTokens, _usage.CompletionTokens, Seconds);

    public void Abandoned()
    {
        _span?.Abandon();
        Abandoned(logger, _id, path, Seconds);
    }

    /// <summary>The server stops, and the request had no time left.</summary>
    public void CutShort()
    {
        _span?.CutShort();
        CutShort(logger, _id, path, Seconds);
    }

    public void Failed(WireError wire, Exception error)
    {
        _span?.Fail(wire);
        if (wire.Status >= 500)
            FailedHere(logger, error, _id, path, wire.Status, Seconds);
        else
            Refused(logger, _id, path, wire.Status, wire.Field ?? "-", Seconds);
    }

    public void Dispose() => _span?.Dispose();

    [LoggerMessage(1, LogLevel.Information, "{Id} {Path}: {PromptTokens} prompt tokens ({CachedTokens} cached), {ThinkingTokens} thoughts of {CompletionTokens} tokens, {Seconds:0.000} s")]
    private static partial void Ended(ILogger logger, string id, string path, int promptTokens, int cachedTokens, int thinkingTokens, int completionTokens, double seconds);

    [LoggerMessage(2, LogLevel.Information, "{Id} {Path}: the client is gone, {Seconds:0.000} s")]
    private static partial void Abandoned(ILogger logger, string id, string path, double seconds);

    [LoggerMessage(7, LogLevel.Information, "{Id} {Path}: cut off, as the server stops, {Seconds:0.000} s")]
    private static partial void CutShort(ILogger logger, string id, string path, double seconds);

    [LoggerMessage(3, LogLevel.Information, "{Id} {Path}: refused with {Status}, field {Field}, {Seconds:0.000} s")]
    private static partial void Refused(ILogger logger, string id, string path, int status, string field, double seconds);

    [LoggerMessage(4, LogLevel.Error, "{Id} {Path}: failed with {Status}, {Seconds:0.000} s")]
    private static partial void FailedHere(ILogger logger, Exception error, string id, string path, int status, double seconds);

    [LoggerMessage(5, LogLevel.Information, "{Id} request {Body}")]
    private static partial void Body(ILogger logger, string id, string body);

    [LoggerMessage(6, LogLevel.Information, "{Id} choice {Choice} token {Text}")]
    private static partial void Token(ILogger logger, string id, int choice, string text);
}
