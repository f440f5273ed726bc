using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Server.Tests;

/// <summary>A server on a free port of this machine, with its client.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    public const string Model = "tiny-reasoner";

    // Without the drain a client that leaves a reply closes its connection at once.
    private TestServer(SoftThinkingServer server) =>
        (Server, Http) = (server, new HttpClient(new SocketsHttpHandler { MaxResponseDrainSize = 0 }) { BaseAddress = server.Address });

    public SoftThinkingServer Server { get; }

    public HttpClient Http { get; }

    /// <summary>The engine, once <see cref="StartAsync"/> has returned.</summary>
    public Engine Engine { get; private set; } = null!;

    /// <param name="change">Changes the options.</param>
    /// <param name="engine">How the engine is set up.</param>
    /// <param name="model">Path of the model; null for the demonstration model.</param>
    /// <param name="logger">Receives the log; null for none.</param>
    public static async Task<TestServer> StartAsync(
        Func<ServerOptions, ServerOptions>? change = null, EngineOptions? engine = null, string? model = null, ILogger? logger = null)
    {
        ServerOptions options = new() { ModelName = Model, Port = 0 };
        Engine? loaded = null;
        SoftThinkingServer server = new(change?.Invoke(options) ?? options, async (progress, cancellation) =>
            loaded = await Engine.LoadAsync(model ?? TestData.TinyReasoner, (engine ?? new EngineOptions { Threads = 2 }) with { LoadProgress = progress }, cancellation),
            logger == null ? null : logging => logging.AddProvider(new OneLogger(logger)));
        await server.StartAsync();
        await server.Loaded;
        return new TestServer(server) { Engine = loaded! };
    }

    /// <summary>Posts a JSON text.</summary>
    public Task<HttpResponseMessage> PostAsync(string path, string json, CancellationToken cancellation = default) =>
        Http.PostAsync(path, new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json")), cancellation);

    /// <summary>Posts a JSON text, and returns the reply of a request that succeeds.</summary>
    public async Task<JsonElement> AskAsync(string path, string json)
    {
        using HttpResponseMessage response = await PostAsync(path, json);
        string body = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(200), body);
        return JsonElement.Parse(body);
    }

    /// <summary>Posts a JSON text, and returns status and reply of a request that fails.</summary>
    public async Task<(int Status, JsonElement Error)> FailAsync(string path, string json)
    {
        using HttpResponseMessage response = await PostAsync(path, json);
        string body = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.Not.EqualTo(200), body);
        return ((int)response.StatusCode, JsonElement.Parse(body));
    }

    /// <summary>Posts a JSON text, and returns the events of the reply: their names, if they have one, and their data.</summary>
    public async Task<List<(string? Name, string Data)>> StreamAsync(string path, string json)
    {
        using HttpResponseMessage response = await PostAsync(path, json);
        string body = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(200), body);
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("text/event-stream"));
        return Events(body);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Server.DisposeAsync();
    }

    private sealed class OneLogger(ILogger logger) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => logger;

        public void Dispose()
        {
        }
    }

    private static List<(string? Name, string Data)> Events(string body)
    {
        List<(string?, string)> events = [];
        foreach (string block in body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(block => !block.StartsWith(':')))
        {
            string[] lines = block.Split('\n');
            string? name = lines.FirstOrDefault(line => line.StartsWith("event: ", StringComparison.Ordinal))?["event: ".Length..];
            events.Add((name, lines.Single(line => line.StartsWith("data: ", StringComparison.Ordinal))["data: ".Length..]));
        }
        return events;
    }
}
