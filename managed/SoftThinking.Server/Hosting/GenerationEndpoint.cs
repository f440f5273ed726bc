using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>Handles requests that generate, in one dialect.</summary>
/// <param name="stopped">Set when the server stops, and requests in progress have no time left.</param>
internal sealed class GenerationEndpoint(
    IDialect dialect, EngineHost host, ThinkingControls controls, ServerOptions options, ILogger logger, CancellationToken stopped)
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
            CallContext context = new(model, options);
            Call call = dialect.Read(body, context);
            model.Check(call.Model);
            log.Begin(call, context, body);
            using IDisposable? control = controls.Register(context.Id, ref call);
            await ReplyAsync(http, call, context, log, late.Token).ConfigureAwait(false);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            if (stopped.IsCancellationRequested) // it was before the connection was closed
                log.CutShort();
            else
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
        Reply reply = new(call);
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
        Task<bool> next = events.MoveNextAsync().AsTask();
        try
        {
            // An error that comes before the first event, or soon, still has a status of its own.
            await Task.WhenAny(next, Task.Delay(options.KeepAliveInterval, cancellation)).ConfigureAwait(false);
            if (next.IsFaulted || next.IsCanceled)
                await next.ConfigureAwait(false);
            StartEvents(http.Response);
            await WriteEventsAsync().ConfigureAwait(false);
            writer.End();
            log.End();
        }
        catch (Exception error) when (http.Response.ContentType == EventStream.ContentType && !http.RequestAborted.IsCancellationRequested)
        {
            WireError wire = ErrorOf(error);
            log.Failed(wire, error);
            writer.Fail(wire);
        }
        finally
        {
            // The enumeration can be disposed only between two events.
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await stream.FlushAsync(http.RequestAborted).ConfigureAwait(false);

        async Task WriteEventsAsync()
        {
            while (await WaitAsync(next).ConfigureAwait(false))
            {
                log.Add(events.Current);
                writer.Add(events.Current);
                if (stream.IsEmpty && stream.Silence > options.KeepAliveInterval)
                    writer.KeepAlive(); // while a thought is left out, nothing else is sent
                next = events.MoveNextAsync().AsTask();
                if (stream.IsFull || !next.IsCompleted)
                    await stream.FlushAsync(cancellation).ConfigureAwait(false);
            }
        }

        async ValueTask<bool> WaitAsync(Task<bool> pending)
        {
            while (!pending.IsCompleted)
            {
                try
                {
                    return await pending.WaitAsync(options.KeepAliveInterval, cancellation).ConfigureAwait(false);
                }
                catch (TimeoutException)
                {
                    writer.KeepAlive();
                    await stream.FlushAsync(cancellation).ConfigureAwait(false);
                }
            }
            return await pending.ConfigureAwait(false);
        }
    }

    private static void StartEvents(HttpResponse response)
    {
        response.ContentType = EventStream.ContentType;
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no"; // a proxy would hold the events back
    }

    private WireError ErrorOf(Exception error) => error is OperationCanceledException
        ? new WireError(StatusCodes.Status504GatewayTimeout, "timeout_error", $"the request took longer than {options.RequestTimeout.TotalSeconds:0} s", null, "timeout")
        : WireError.Of(error);
}
