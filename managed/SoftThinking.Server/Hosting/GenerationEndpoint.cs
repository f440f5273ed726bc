using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>Handles requests that generate, in one dialect.</summary>
internal sealed class GenerationEndpoint(IDialect dialect, EngineHost host, ServerOptions options, ILogger logger)
{
    public async Task HandleAsync(HttpContext http)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        late.CancelAfter(options.RequestTimeout);
        using RequestLog log = new(http.Request.Path, logger, options.LogPrompts);
        try
        {
            ServedModel model = host.Model;
            JsonElement body = await RequestBody.ReadAsync(http.Request, late.Token).ConfigureAwait(false);
            CallContext context = new(model, options, RandomNumberGenerator.GetHexString(24, lowercase: true), DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            Call call = dialect.Read(body, context);
            CheckModel(call);
            CheckMessages(call);
            log.Begin(call, context, body);
            await ReplyAsync(http, call, context, log, late.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            log.Abandoned();
        }
        catch (Exception error) when (!http.Response.HasStarted)
        {
            WireError wire = ErrorOf(error);
            log.Failed(wire, error);
            await HttpReply.WriteErrorAsync(http, wire, dialect.WriteError).ConfigureAwait(false);
        }
    }

    private async Task ReplyAsync(HttpContext http, Call call, CallContext context, RequestLog log, CancellationToken cancellation)
    {
        IAsyncEnumerator<ReplyEvent> events = ReplyReader.ReadAsync(context.Model.Engine, call, cancellation).GetAsyncEnumerator(cancellation);
        await using (events.ConfigureAwait(false))
        {
            if (call.Stream)
                await StreamAsync(http, events, call, context, log, cancellation).ConfigureAwait(false);
            else
                await WriteWholeAsync(http, events, call, context, log, cancellation).ConfigureAwait(false);
        }
    }

    private async Task WriteWholeAsync(
        HttpContext http, IAsyncEnumerator<ReplyEvent> events, Call call, CallContext context, RequestLog log, CancellationToken cancellation)
    {
        Reply reply = new(call.Choices);
        while (await events.MoveNextAsync().ConfigureAwait(false))
        {
            log.Add(events.Current);
            reply.Add(events.Current);
        }
        log.End();
        await HttpReply.WriteJsonAsync(http, StatusCodes.Status200OK, json => dialect.Write(json, reply, call, context), cancellation).ConfigureAwait(false);
    }

    private async Task StreamAsync(
        HttpContext http, IAsyncEnumerator<ReplyEvent> events, Call call, CallContext context, RequestLog log, CancellationToken cancellation)
    {
        using EventStream stream = new(http.Response.Body);
        IReplyWriter writer = dialect.Stream(stream, call, context);
        // An error that comes before the first event, or soon, still has a status of its own.
        Task<bool> next = events.MoveNextAsync().AsTask();
        await Task.WhenAny(next, Task.Delay(options.KeepAliveInterval, cancellation)).ConfigureAwait(false);
        if (next.IsFaulted || next.IsCanceled)
            await next.ConfigureAwait(false);
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        http.Response.Headers["X-Accel-Buffering"] = "no"; // a proxy would hold the events back
        try
        {
            while (await WaitAsync(next).ConfigureAwait(false))
            {
                log.Add(events.Current);
                writer.Add(events.Current);
                ValueTask<bool> following = events.MoveNextAsync();
                if (!following.IsCompleted)
                    await stream.FlushAsync(cancellation).ConfigureAwait(false);
                next = following.AsTask();
            }
            writer.End();
            log.End();
        }
        catch (Exception error) when (!http.RequestAborted.IsCancellationRequested)
        {
            WireError wire = ErrorOf(error);
            log.Failed(wire, error);
            writer.Fail(wire);
        }
        await stream.FlushAsync(http.RequestAborted).ConfigureAwait(false);

        async ValueTask<bool> WaitAsync(Task<bool> pending)
        {
            while (!pending.IsCompleted)
            {
                try
                {
                    return await pending.WaitAsync(options.KeepAliveInterval, cancellation).ConfigureAwait(false);
                }
                catch (TimeoutException) when (!pending.IsCompleted)
                {
                    writer.KeepAlive();
                    await stream.FlushAsync(cancellation).ConfigureAwait(false);
                }
            }
            return await pending.ConfigureAwait(false);
        }
    }

    private void CheckModel(Call call)
    {
        if (call.Model != null && call.Model != options.ModelName)
        {
            throw new WireException(new WireError(
                StatusCodes.Status404NotFound, "invalid_request_error", $"the model \"{call.Model}\" is not here; this server has \"{options.ModelName}\"", "model", "model_not_found"));
        }
    }

    private void CheckMessages(Call call)
    {
        if (call.Requests.Any(request => request.Prompt is ChatPrompt chat && chat.Messages.Count > options.MaxMessages))
            throw new WireException(WireError.Invalid($"messages must be at most {options.MaxMessages}", "messages"));
    }

    private WireError ErrorOf(Exception error) => error is OperationCanceledException
        ? new WireError(StatusCodes.Status504GatewayTimeout, "timeout_error", $"the request took longer than {options.RequestTimeout.TotalSeconds:0} s", null, "timeout")
        : WireError.Of(error);
}
