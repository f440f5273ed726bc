using System.Text.Json.Nodes;
using Polly;
using Polly.Retry;

namespace SoftThinking.Evaluation.Endpoints;

/// <summary>Servers that share the requests. One that fails is left alone for a while, and its request goes to another, with
/// exponential back-off between the tries.</summary>
public sealed class ServerPool : IDisposable
{
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(30), MaxRetryAfter = TimeSpan.FromMinutes(5);
    private readonly HttpClient _http;
    private readonly Server[] _servers;
    private readonly SemaphoreSlim _free;
    private readonly ResiliencePipeline _retries;
    private readonly TimeSpan _limit, _rest;
    private readonly Lock _lock = new();

    /// <param name="addresses">Base addresses, at least one, with or without "/v1" at their end.</param>
    /// <param name="options">How they are asked.</param>
    /// <exception cref="ArgumentException">There is no address, or one is no http or https address; or the API key cannot be
    /// sent.</exception>
    public ServerPool(IReadOnlyList<string> addresses, ServerPoolOptions options)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        ArgumentNullException.ThrowIfNull(options);
        if (addresses.Count == 0)
            throw new ArgumentException("there must be at least one address", nameof(addresses));
        _http = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = 256 << 20,
        };
        _servers = [.. addresses.Select(address => new Server(new ChatServer(_http, address, options.ApiKey)))];
        _free = new SemaphoreSlim(options.MaxRequests);
        (_limit, _rest) = (options.Timeout, options.Rest);
        _retries = options.Retries == 0 ? ResiliencePipeline.Empty : RetriesOf(options);
    }

    /// <summary>Asks one of the servers for a chat completion.</summary>
    /// <exception cref="EndpointException">All tries failed.</exception>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public async Task<JsonObject> ChatAsync(JsonObject body, CancellationToken cancellation)
    {
        await _free.WaitAsync(cancellation);
        try
        {
            Server? last = null;
            return await _retries.ExecuteAsync(async stop => await TryAsync(last = Take(last), body, stop), cancellation);
        }
        finally
        {
            _free.Release();
        }
    }

    /// <summary>Name of the first model of the first server that answers.</summary>
    /// <exception cref="EndpointException">None answers.</exception>
    public async Task<string> FirstModelAsync(CancellationToken cancellation)
    {
        EndpointException? last = null;
        foreach (Server server in _servers)
        {
            try
            {
                return await server.Chat.FirstModelAsync(cancellation);
            }
            catch (EndpointException error)
            {
                last = error;
            }
        }
        throw last!;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        _free.Dispose();
    }

    private ResiliencePipeline RetriesOf(ServerPoolOptions options) =>
        new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<EndpointException>(
                error => error.Transient || (error.OfThisServer && _servers.Length > 1)),
            MaxRetryAttempts = options.Retries,
            BackoffType = DelayBackoffType.Exponential,
            Delay = options.FirstDelay,
            MaxDelay = MaxDelay,
            UseJitter = true,
            DelayGenerator = failed => ValueTask.FromResult(DelayAfter(failed.Outcome.Exception)),
        }).Build();

    // What a server demands matters only where no other can be asked. Null is the usual back-off.
    private TimeSpan? DelayAfter(Exception? error)
    {
        if (error is not EndpointException { RetryAfter: TimeSpan delay })
            return null;
        DateTime now = DateTime.UtcNow;
        lock (_lock)
            return _servers.Any(server => server.IsFree(now)) ? null : Shorter(delay, MaxRetryAfter);
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private async Task<JsonObject> TryAsync(Server server, JsonObject body, CancellationToken cancellation)
    {
        try
        {
            JsonObject reply = await server.Chat.ChatAsync(body, _limit, cancellation);
            Return(server, null);
            return reply;
        }
        catch (Exception error)
        {
            Return(server, error);
            throw;
        }
    }

    // The least busy of those that did not fail lately, if possible not the last that was tried; where all did, the one that failed
    // first.
    private Server Take(Server? last)
    {
        lock (_lock)
        {
            DateTime now = DateTime.UtcNow;
            Server server = _servers.Where(each => each.IsFree(now)).MinBy(each => (each == last, each.InFlight))
                ?? _servers.MinBy(each => each.RestsUntil)!;
            server.InFlight++;
            return server;
        }
    }

    private void Return(Server server, Exception? error)
    {
        lock (_lock)
        {
            server.InFlight--;
            if (error is OperationCanceledException)
                return;
            server.Failed = error is EndpointException { Transient: true } or EndpointException { OfThisServer: true };
            if (server.Failed)
                server.RestsUntil = DateTime.UtcNow + RestAfter((EndpointException)error!);
        }
    }

    private TimeSpan RestAfter(EndpointException error) =>
        error.RetryAfter is TimeSpan delay && delay > _rest ? Shorter(delay, MaxRetryAfter) : _rest;

    private sealed class Server(ChatServer chat)
    {
        public ChatServer Chat { get; } = chat;
        public int InFlight { get; set; }
        public bool Failed { get; set; }
        public DateTime RestsUntil { get; set; }

        // One that failed is first asked by a single request: it may still be down.
        public bool IsFree(DateTime now) => !Failed || (RestsUntil <= now && InFlight == 0);
    }
}

/// <summary>How servers are asked.</summary>
public sealed record ServerPoolOptions
{
    /// <summary>API key; null for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Requests in flight at all servers together.</summary>
    public int MaxRequests { get; init; } = 16;

    /// <summary>Tries after the first.</summary>
    public int Retries { get; init; } = 6;

    /// <summary>Time before the second try; it doubles with each further one.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Time for which a server that failed is left alone, if another can be asked.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Time within which a server must have replied.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(1);
}
