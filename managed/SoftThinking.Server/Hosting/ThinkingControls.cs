using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>The replies in progress whose thinking clients may end: those with <c>reasoning_control</c>, by their ids.</summary>
internal sealed class ThinkingControls
{
    public static FieldSet<Order> Fields { get; } = new(
    [
        new("id", Schemas.Text("Id of the reply."), (order, field) => order with { Id = field.Text() }) { Required = true },
        new("action", Schemas.Choice("What to do.", ["reasoning_end"]),
            (order, field) => field.Text() == "reasoning_end" ? order : throw field.Wrong("\"reasoning_end\"")) { Required = true },
    ]);

    private readonly ConcurrentDictionary<string, CancellationTokenSource> _replies = new();

    /// <summary>The call, whose thinking can be ended until the returned object is disposed.</summary>
    public IDisposable? Register(string id, ref Call call)
    {
        if (!call.ReasoningControl)
            return null;
        Registration registration = new(this, id);
        call = call with { Requests = [.. call.Requests.Select(request => request with { EndThinking = registration.Token })] };
        return registration;
    }

    /// <summary>Handles <c>/v1/chat/completions/control</c>.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        Order order = Fields.Read(await RequestBody.ReadAsync(http.Request, http.RequestAborted).ConfigureAwait(false), new Order(""));
        // The random part of "chatcmpl-…".
        string id = order.Id[(order.Id.LastIndexOfAny(['-', '_']) + 1)..];
        if (!_replies.TryGetValue(id, out CancellationTokenSource? end))
            throw new WireException(new WireError(404, "invalid_request_error", "no reply with this id is in progress and has \"reasoning_control\": true", "id"));
        await end.CancelAsync().ConfigureAwait(false);
        await HttpReply.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", order.Id);
            json.WriteBoolean("success", true);
            json.WriteEndObject();
        }).ConfigureAwait(false);
    }

    /// <summary>What a client wants to be done.</summary>
    public sealed record Order(string Id);

    private sealed class Registration : IDisposable
    {
        private readonly ThinkingControls _controls;
        private readonly string _id;
        private readonly CancellationTokenSource _end = new();

        public Registration(ThinkingControls controls, string id)
        {
            (_controls, _id) = (controls, id);
            _controls._replies[id] = _end;
        }

        public CancellationToken Token => _end.Token;

        // Not the source itself: a client may be about to cancel it.
        public void Dispose() => _controls._replies.TryRemove(_id, out _);
    }
}
