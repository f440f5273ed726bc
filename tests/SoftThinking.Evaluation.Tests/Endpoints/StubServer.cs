using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Tests.Endpoints;

/// <summary>A request as a server received it.</summary>
internal sealed record StubRequest(string Path, string? Authorization, JsonObject Body)
{
    public string Message => (string)Body["messages"]!.AsArray()[^1]!["content"]!;

    public ulong Seed => (ulong)Body["seed"]!;
}

/// <summary>What a server replies.</summary>
internal sealed record StubReply(string Text, int Status = 200)
{
    public string? RetryAfter { get; init; }

    public string ContentType { get; init; } = "application/json";

    /// <summary>A chat completion with this content.</summary>
    public static StubReply Chat(string? content, Action<JsonObject>? change = null)
    {
        JsonObject reply = new()
        {
            ["choices"] = new JsonArray(new JsonObject
            {
                ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = content },
                ["finish_reason"] = "stop",
            }),
            ["usage"] = new JsonObject { ["completion_tokens"] = 10 },
        };
        change?.Invoke(reply);
        return new StubReply(reply.ToJsonString());
    }
}

/// <summary>A server on this machine that replies as a function says; null is silence.</summary>
internal sealed class StubServer : IDisposable
{
    private readonly HttpListener _listener;
    private readonly Func<StubRequest, StubReply?> _reply;

    public StubServer(Func<StubRequest, StubReply?> reply)
    {
        _reply = reply;
        (_listener, Address) = Listen();
        _ = AcceptAsync();
    }

    public string Address { get; }

    public ConcurrentQueue<StubRequest> Requests { get; } = [];

    /// <summary>Closes all connections and refuses others.</summary>
    public void Die() => _listener.Abort();

    public void Dispose() => _listener.Close();

    /// <summary>An address where nothing listens.</summary>
    public static string FreeAddress()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
    }

    // Another process may be faster to use a port that is free.
    private static (HttpListener, string) Listen()
    {
        for (int tries = 0; ; tries++)
        {
            string address = FreeAddress();
            HttpListener listener = new();
            listener.Prefixes.Add(address + "/");
            try
            {
                listener.Start();
                return (listener, address);
            }
            catch (HttpListenerException) when (tries < 10)
            {
                listener.Close();
            }
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                HttpListenerContext context = await _listener.GetContextAsync();
                _ = Task.Run(() => ReplyAsync(context));
            }
        }
        catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or InvalidOperationException)
        {
            // closed
        }
    }

    private async Task ReplyAsync(HttpListenerContext context)
    {
        try
        {
            using StreamReader reader = new(context.Request.InputStream, Encoding.UTF8);
            string body = await reader.ReadToEndAsync();
            StubRequest request = new(
                context.Request.Url!.AbsolutePath, context.Request.Headers["Authorization"],
                body == "" ? [] : JsonNode.Parse(body)!.AsObject());
            Requests.Enqueue(request);
            if (_reply(request) is not StubReply reply)
                return;
            context.Response.StatusCode = reply.Status;
            context.Response.ContentType = reply.ContentType;
            if (reply.RetryAfter != null)
                context.Response.Headers["Retry-After"] = reply.RetryAfter;
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(reply.Text));
            context.Response.Close();
        }
        catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            // The client, or the server itself, closed the connection.
        }
    }
}
