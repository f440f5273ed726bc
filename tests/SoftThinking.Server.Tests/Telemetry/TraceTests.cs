using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Telemetry;

[NonParallelizable]
public class TraceTests
{
    private const string Path = "/v1/chat/completions";
    private const string Secret = "What is 47 + 85 - 19?";

    private static TestServer Server => SharedServer.Instance;

    [Test]
    public async Task Generation_HasASpanWithItsUsage([Values] bool stream)
    {
        using SpanReader spans = new();
        ActivityTraceId trace = ActivityTraceId.CreateRandom();
        ActivitySpanId caller = ActivitySpanId.CreateRandom();
        string body = $$"""
            {
              "model": "tiny-reasoner", "seed": 7, "n": 2, "max_tokens": 150, "temperature": 0.5, "top_p": 0.9, "top_k": 20,
              "stream": {{(stream ? "true" : "false")}}, "messages": [{"role": "user", "content": "{{Secret}}"}]
            }
            """;
        await PostAsync(Server, body, $"00-{trace}-{caller}-01");
        Activity span = spans.Take(trace, "SoftThinking.Server");
        JsonElement reply = await Server.AskAsync(Path, body.Replace("true", "false", StringComparison.Ordinal));
        JsonElement usage = reply.GetProperty("usage");
        Assert.Multiple(() =>
        {
            Assert.That(span.DisplayName, Is.EqualTo("chat tiny-reasoner"));
            Assert.That(span.TagObjects.ToDictionary(), Is.EquivalentTo(new Dictionary<string, object?>
            {
                ["gen_ai.operation.name"] = "chat",
                ["gen_ai.provider.name"] = "softthinking",
                ["gen_ai.request.model"] = "tiny-reasoner",
                ["gen_ai.response.model"] = "tiny-reasoner",
                ["gen_ai.response.id"] = span.GetTagItem("gen_ai.response.id"),
                ["gen_ai.request.stream"] = stream,
                ["gen_ai.request.max_tokens"] = 150,
                ["gen_ai.request.choice.count"] = 2,
                ["gen_ai.request.seed"] = 7L,
                ["gen_ai.request.temperature"] = 0.5,
                ["gen_ai.request.top_p"] = (double)0.9f,
                ["gen_ai.request.top_k"] = 20,
                ["gen_ai.usage.input_tokens"] = usage.GetProperty("prompt_tokens").GetInt32(),
                ["gen_ai.usage.output_tokens"] = usage.GetProperty("completion_tokens").GetInt32(),
                ["gen_ai.response.finish_reasons"] = new[] { "stop", "stop" },
                ["softthinking.soft_thinking"] = true,
                ["softthinking.usage.cached_tokens"] = span.GetTagItem("softthinking.usage.cached_tokens"),
                ["softthinking.usage.thinking_tokens"] = usage.GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32(),
                ["softthinking.usage.mixtures"] = span.GetTagItem("softthinking.usage.mixtures"),
            }));
            Assert.That(span.GetTagItem("softthinking.usage.mixtures"), Is.GreaterThan(0));
            Assert.That(span.Status, Is.EqualTo(ActivityStatusCode.Unset));
        });
        Activity request = spans.Take(trace, "Microsoft.AspNetCore");
        Assert.That(span.ParentSpanId, Is.EqualTo(request.SpanId));
        Assert.That(request.ParentSpanId, Is.EqualTo(caller), "the caller's trace goes on");
    }

    [Test]
    public async Task Failure_HasItsKind()
    {
        using SpanReader spans = new();
        ActivityTraceId trace = ActivityTraceId.CreateRandom();
        string body = $$"""{"messages": [{"role": "user", "content": "{{new string('7', 5000)}}"}]}""";
        await PostAsync(Server, body, $"00-{trace}-{ActivitySpanId.CreateRandom()}-01", HttpStatusCode.BadRequest);
        Activity span = spans.Take(trace, "SoftThinking.Server");
        Assert.That(span.Status, Is.EqualTo(ActivityStatusCode.Error));
        Assert.That(span.GetTagItem("error.type"), Is.EqualTo("context_length_exceeded"));
    }

    /// <summary>What is sent by OTLP, as a collector gets it.</summary>
    [Test]
    public async Task Spans_AreSentWithoutTexts()
    {
        StringBuilder sent = new();
        await using WebApplication collector = await CollectAsync(sent);
        await WithEndpointAsync(collector.Urls.First(), async () =>
        {
            await using TestServer server = await TestServer.StartAsync(options => options with { Traces = true, ModelName = "traced" });
            using HttpResponseMessage health = await server.Http.GetAsync("/health");
            await server.AskAsync(Path, $$"""{"seed": 0, "messages": [{"role": "user", "content": "{{Secret}}"}]}""");
        });
        string body = sent.ToString(); // a server sends what is left when it ends
        foreach (string part in new[] { "chat traced", "softthinking.usage.thinking_tokens", "POST /v1/chat/completions", "http.response.status_code" })
            Assert.That(body, Does.Contain(part));
        Assert.That(body, Does.Not.Contain(Secret).And.Not.Contain("47 + 85"));
        Assert.That(body, Does.Not.Contain("/health"));
    }

    [Test]
    public async Task WithoutTraces_NothingOfThemIsBuilt()
    {
        await using TestServer plain = await TestServer.StartAsync(), traced = await TestServer.StartAsync(options => options with { Traces = true });
        Assert.That(plain.Server.Services.GetService(typeof(OpenTelemetry.Trace.TracerProvider)), Is.Null);
        Assert.That(traced.Server.Services.GetService(typeof(OpenTelemetry.Trace.TracerProvider)), Is.Not.Null);
    }

    private static async Task PostAsync(TestServer server, string body, string parent, HttpStatusCode status = HttpStatusCode.OK)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, Path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("traceparent", parent);
        using HttpClient http = new(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { BaseAddress = server.Http.BaseAddress };
        using HttpResponseMessage response = await http.SendAsync(request);
        Assert.That(response.StatusCode, Is.EqualTo(status), await response.Content.ReadAsStringAsync());
    }

    private static async Task<WebApplication> CollectAsync(StringBuilder sent)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication collector = builder.Build();
        collector.MapPost("/v1/traces", (RequestDelegate)(async http =>
        {
            using StreamReader body = new(http.Request.Body, Encoding.Latin1);
            string text = await body.ReadToEndAsync();
            lock (sent)
                sent.Append(text);
        }));
        await collector.StartAsync();
        return collector;
    }

    private static async Task WithEndpointAsync(string endpoint, Func<Task> act)
    {
        Dictionary<string, string> variables = new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint, ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" };
        foreach ((string name, string value) in variables)
            Environment.SetEnvironmentVariable(name, value);
        try
        {
            await act();
        }
        finally
        {
            foreach (string name in variables.Keys)
                Environment.SetEnvironmentVariable(name, null);
        }
    }
}
