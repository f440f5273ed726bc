using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Server.Tests.Telemetry;
using SoftThinking.Tests;

namespace SoftThinking.Server.Tests.Hosting;

/// <summary>Loading, limits of time and room, clients that leave, and the end.</summary>
public class LifetimeTests
{
    private const string Path = "/v1/chat/completions";

    // The model cannot end its thought or its text, so only the limit of tokens ends this.
    private const string Endless = """{"seed": 0, "stream": true, "ignore_eos": true, "early_stopping_entropy_threshold": 0, "logit_bias": {"454": -1000}, "messages": [{"role": "user", "content": "Compute 40 + 7."}]}""";

    private const string Short = """{"seed": 0, "messages": [{"role": "user", "content": "Compute 40 + 7."}]}""";

    [Test]
    public async Task WhileLoading_RequestsAreToldToComeBack()
    {
        TaskCompletionSource mayLoad = new();
        await using SoftThinkingServer server = new(new ServerOptions { ModelName = "m", Port = 0 }, async (progress, cancellation) =>
        {
            progress(0.25);
            await mayLoad.Task;
            return await Engine.LoadAsync(TestData.TinyReasoner, new EngineOptions(), cancellation);
        });
        await server.StartAsync();
        using HttpClient http = new() { BaseAddress = server.Address };
        using (HttpResponseMessage health = await http.GetAsync("/health"))
        {
            Assert.That((int)health.StatusCode, Is.EqualTo(503));
            JsonElement body = JsonElement.Parse(await health.Content.ReadAsStringAsync());
            Assert.That((body.GetProperty("status").GetString(), body.GetProperty("progress").GetDouble()), Is.EqualTo(("loading", 0.25)));
        }
        using (HttpResponseMessage chat = await http.PostAsync(Path, Json(Short)))
        {
            Assert.That((int)chat.StatusCode, Is.EqualTo(503));
            Assert.That(chat.Headers.RetryAfter, Is.Not.Null);
        }
        mayLoad.SetResult();
        await server.Loaded;
        using HttpResponseMessage answer = await http.PostAsync(Path, Json(Short));
        Assert.That(answer.IsSuccessStatusCode);
    }

    [Test]
    public async Task AModelThatCannotBeLoaded_EndsTheServer()
    {
        await using SoftThinkingServer server = new(new ServerOptions { ModelName = "m", Port = 0 }, (_, cancellation) => Engine.LoadAsync("/nowhere", null, cancellation));
        await server.StartAsync();
        Assert.That(() => server.WaitAsync(), Throws.TypeOf<ModelFileException>());
    }

    [Test]
    public async Task AClientThatLeaves_FreesItsBlocks()
    {
        await using TestServer server = await TestServer.StartAsync(engine: new EngineOptions { PrefixCache = false });
        using (HttpResponseMessage response = await server.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, Path) { Content = Json(Endless) }, HttpCompletionOption.ResponseHeadersRead))
        {
            using Stream stream = await response.Content.ReadAsStreamAsync();
            Assert.That(await stream.ReadAsync(new byte[1]), Is.EqualTo(1));
        }
        while (server.Engine.Statistics is { Running: > 0 } or { Waiting: > 0 } or { BlocksUsed: > 0 })
            await Task.Yield();
        Assert.Pass("no sequence is left, and no block is used"); // else the test does not end
    }

    [Test]
    public async Task AClientThatLeaves_IsNoError()
    {
        ListLogger log = new();
        await using TestServer server = await TestServer.StartAsync(logger: log);
        using (HttpResponseMessage response = await server.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, Path) { Content = Json(Endless.Replace("\"seed\": 0", "\"n\": 64", StringComparison.Ordinal)) }, HttpCompletionOption.ResponseHeadersRead))
        {
            using Stream stream = await response.Content.ReadAsStreamAsync();
            Assert.That(await stream.ReadAsync(new byte[1]), Is.EqualTo(1));
        }
        Assert.That(() => log.Lines.Any(line => line.Contains("the client is gone", StringComparison.Ordinal)), Is.True.After(60_000, 5));
        await server.Server.StopAsync();
        Assert.That(log.Lines, Has.None.StartWith("Error").And.None.StartWith("Critical"));
    }

    [Test]
    public async Task ARequestThatTheStopCutsOff_IsLoggedAsThat([Values] bool stream)
    {
        ListLogger log = new();
        using SpanReader spans = new();
        ActivityTraceId trace = ActivityTraceId.CreateRandom();
        await using TestServer server = await TestServer.StartAsync(options => options with { ShutdownTimeout = TimeSpan.FromMilliseconds(1) }, logger: log);
        string body = Endless.Replace("\"seed\": 0", "\"n\": 64", StringComparison.Ordinal);
        using HttpRequestMessage request = new(HttpMethod.Post, Path) { Content = Json(stream ? body : body.Replace("\"stream\": true, ", "", StringComparison.Ordinal)) };
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        using HttpClient http = new(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { BaseAddress = server.Http.BaseAddress };
        Task<HttpResponseMessage> reply = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        while (server.Engine.Statistics.Running == 0)
            await Task.Yield();
        await server.Server.StopAsync();
        Assert.That(() => log.Lines.Any(line => line.Contains("cut off, as the server stops", StringComparison.Ordinal)), Is.True.After(60_000, 5));
        Assert.That(log.Lines, Has.None.Contain("the client is gone").And.None.StartWith("Critical"));
        Activity span = spans.Take(trace, "SoftThinking.Server");
        Assert.That((span.Status, span.GetTagItem("error.type")), Is.EqualTo((ActivityStatusCode.Error, "server_stopped")));
        await ((Task)reply).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [Test]
    public async Task AFullQueue_IsReported()
    {
        await using TestServer server = await TestServer.StartAsync(engine: new EngineOptions { MaxSequences = 1, QueueLength = 1 });
        (int status, JsonElement error) = await server.FailAsync(Path, """{"n": 3, "messages": [{"role": "user", "content": "a"}]}""");
        Assert.That((status, error.GetProperty("error").GetProperty("code").GetString()), Is.EqualTo((429, "queue_full")));
        using HttpResponseMessage response = await server.PostAsync(Path, """{"n": 3, "stream": true, "messages": [{"role": "user", "content": "a"}]}""");
        Assert.That(((int)response.StatusCode, response.Headers.RetryAfter != null), Is.EqualTo((429, true)));
    }

    [Test]
    public async Task ARequestThatTakesTooLong_IsEnded()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { RequestTimeout = TimeSpan.FromMilliseconds(1) });
        (int status, JsonElement error) = await server.FailAsync(Path, Short);
        Assert.That((status, error.GetProperty("error").GetProperty("code").GetString()), Is.EqualTo((504, "timeout")));
    }

    [Test]
    public async Task ALargeBody_IsRefused()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { MaxBodyBytes = 1000 });
        (int status, _) = await server.FailAsync(Path, Short.PadRight(2000));
        Assert.That(status, Is.EqualTo(413));
    }

    [Test]
    public async Task ManyMessages_AreRefused()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { MaxMessages = 2 });
        const string Message = """{"role": "user", "content": "a"}""";
        (int status, JsonElement error) = await server.FailAsync(Path, $$"""{"messages": [{{Message}}, {{Message}}, {{Message}}]}""");
        Assert.That((status, error.GetProperty("error").GetProperty("param").GetString()), Is.EqualTo((400, "messages")));
    }

    /// <summary>A stream that waits for its turn gets comments, so that no proxy ends the connection.</summary>
    [Test]
    public async Task AStreamThatWaits_IsKeptAlive()
    {
        await using TestServer server = await TestServer.StartAsync(
            options => options with { KeepAliveInterval = TimeSpan.FromMilliseconds(5) }, new EngineOptions { MaxSequences = 1 });
        using HttpResponseMessage first = await server.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, Path) { Content = Json(Endless) }, HttpCompletionOption.ResponseHeadersRead);
        using HttpResponseMessage second = await server.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, Path) { Content = Json(Endless) }, HttpCompletionOption.ResponseHeadersRead);
        using StreamReader lines = new(await second.Content.ReadAsStreamAsync());
        Assert.That(await lines.ReadLineAsync(), Is.EqualTo(":"));
    }

    /// <summary>So does one whose thought is left out.</summary>
    [Test]
    public async Task AStreamWithoutItsThought_IsKeptAlive()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { KeepAliveInterval = TimeSpan.FromTicks(1) });
        using HttpResponseMessage response = await server.PostAsync(Path, Short.Replace("\"seed\": 0", "\"stream\": true, \"include_reasoning\": false", StringComparison.Ordinal));
        string[] lines = (await response.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        int answer = Array.FindIndex(lines, line => line.Contains("\"content\":\"The\"", StringComparison.Ordinal));
        Assert.That(lines.Take(answer).Count(line => line == ":"), Is.GreaterThan(10), "one for each thought, as the interval is that short");
    }

    [Test]
    public async Task AServerThatStops_LetsRequestsEnd_ButNotForEver([Values] bool patient)
    {
        TestServer server = await TestServer.StartAsync(options => options with { ShutdownTimeout = patient ? TimeSpan.FromMinutes(5) : TimeSpan.FromMilliseconds(1) });
        using HttpResponseMessage response = await server.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, Path) { Content = Json(Endless) }, HttpCompletionOption.ResponseHeadersRead);
        Task<string> text = response.Content.ReadAsStringAsync();
        await server.DisposeAsync();
        if (patient)
            Assert.That(await text, Does.EndWith("data: [DONE]\n\n"));
        else
            Assert.That(async () => await text, Throws.InstanceOf<Exception>().Or.Not.EndsWith("data: [DONE]\n\n"));
    }

    [Test]
    public async Task Thinking_CanBeEnded()
    {
        TestServer server = SharedServer.Instance;
        using HttpResponseMessage response = await server.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, Path) { Content = Json(Endless.Replace("\"ignore_eos\": true", "\"reasoning_control\": true", StringComparison.Ordinal)) },
            HttpCompletionOption.ResponseHeadersRead);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        string id = JsonElement.Parse((await lines.ReadLineAsync())!["data: ".Length..]).GetProperty("id").GetString()!;
        JsonElement done = await server.AskAsync(Path + "/control", $$"""{"id": "{{id}}", "action": "reasoning_end"}""");
        Assert.That(done.GetProperty("success").GetBoolean());
        Assert.That(await lines.ReadToEndAsync(), Does.Contain("\"finish_reason\":\"stop\""), "the answer ends itself");
        (int status, _) = await server.FailAsync(Path + "/control", $$"""{"id": "{{id}}", "action": "reasoning_end"}""");
        Assert.That(status, Is.EqualTo(404));
    }

    private static StringContent Json(string text) => new(text, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"));
}
