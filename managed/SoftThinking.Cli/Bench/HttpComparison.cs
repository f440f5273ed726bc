using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using SoftThinking.Server;

namespace SoftThinking.Cli;

/// <summary>Compares an engine with the same engine behind the server, over loopback, in one process.</summary>
internal sealed class HttpComparison : IAsyncDisposable
{
    private static readonly byte[] EventStart = "data: {"u8.ToArray();

    private readonly SoftThinkingServer _server;
    private readonly HttpClient _http;

    private HttpComparison(SoftThinkingServer server) => (_server, _http) = (server, new HttpClient { BaseAddress = server.Address });

    /// <summary>Starts a server, which owns the engine.</summary>
    public static async Task<HttpComparison> StartAsync(Engine engine)
    {
        SoftThinkingServer server = new(new ServerOptions { ModelName = "bench", Port = 0 }, (_, _) => Task.FromResult(engine));
        await server.StartAsync();
        await server.Loaded;
        return new HttpComparison(server);
    }

    /// <summary>Runs a request over HTTP, streamed, and adds the time of each token.</summary>
    /// <exception cref="GenerationException">The reply is not as long as asked for.</exception>
    public async Task FollowAsync(GenerationRequest request, List<long> times, CancellationToken cancellation)
    {
        await ReadAsync(BodyOf(request), times, cancellation);
        if (times.Count != request.MaxNewTokens)
            throw new GenerationException("a reply of the server does not have one event for each token");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    private static byte[] BodyOf(GenerationRequest request)
    {
        using MemoryStream body = new();
        using (Utf8JsonWriter json = new(body))
        {
            json.WriteStartObject();
            json.WriteStartArray("prompt");
            foreach (ConceptToken token in ((TokenPrompt)request.Prompt).Tokens)
                json.WriteNumberValue(token.Token);
            json.WriteEndArray();
            json.WriteNumber("max_tokens", request.MaxNewTokens!.Value);
            json.WriteBoolean("ignore_eos", true);
            json.WriteBoolean("stream", true);
            json.WriteBoolean("return_token_ids", true); // one event for each token, also for one without text
            Json.SamplingJson.Write(json, request.Sampling);
            json.WriteEndObject();
        }
        return body.ToArray();
    }

    /// <summary>Records when each event arrives. The events are not parsed: that is a client's own time.</summary>
    private async Task ReadAsync(byte[] body, List<long> times, CancellationToken cancellation)
    {
        using HttpRequestMessage message = new(HttpMethod.Post, "/v1/completions") { Content = new ByteArrayContent(body) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using HttpResponseMessage response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode)
            throw new GenerationException($"the server refused a request: {await response.Content.ReadAsStringAsync(cancellation)}");
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellation);
        byte[] buffer = new byte[1 << 16];
        int kept = 0, events = 0;
        while (await stream.ReadAsync(buffer.AsMemory(kept), cancellation) is > 0 and int read)
        {
            long now = Stopwatch.GetTimestamp();
            int length = kept + read, end = buffer.AsSpan(0, length).LastIndexOf("\n\n"u8);
            if (end < 0)
            {
                kept = length;
                continue;
            }
            int found = buffer.AsSpan(0, end).Count(EventStart);
            for (int i = 0; i < found; i++, events++)
                times.Add(now);
            buffer.AsSpan(end + 2, length - end - 2).CopyTo(buffer);
            kept = length - end - 2;
        }
        // The first event has no token, the last one has the reason of the end.
        if (times.Count >= 2)
            (times[0], times[^1]) = (0, 0);
        times.RemoveAll(at => at == 0);
    }
}
