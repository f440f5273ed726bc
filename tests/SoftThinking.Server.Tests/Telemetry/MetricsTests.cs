using System.Net;
using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Telemetry;

public class MetricsTests
{
    private const string Path = "/v1/chat/completions";
    private const string Question = """{"seed": 0, "n": 2, "temperature": 1.2, "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}""";

    /// <summary>What dashboards ask for, besides what only this engine has.</summary>
    private static readonly Dictionary<string, string> Expected = new()
    {
        ["softthinking_num_requests_running"] = "gauge",
        ["softthinking_num_requests_waiting"] = "gauge",
        ["softthinking_kv_cache_usage_perc"] = "gauge",
        ["softthinking_prompt_tokens_total"] = "counter",
        ["softthinking_generation_tokens_total"] = "counter",
        ["softthinking_thinking_tokens_total"] = "counter",
        ["softthinking_mixtures_total"] = "counter",
        ["softthinking_thinking_entropy_nats_total"] = "counter",
        ["softthinking_thinking_ends_total"] = "counter",
        ["softthinking_prefix_cache_queries_total"] = "counter",
        ["softthinking_prefix_cache_hits_total"] = "counter",
        ["softthinking_num_preemptions_total"] = "counter",
        ["softthinking_request_success_total"] = "counter",
        ["softthinking_time_to_first_token_seconds"] = "histogram",
        ["softthinking_inter_token_latency_seconds"] = "histogram",
        ["softthinking_request_queue_time_seconds"] = "histogram",
        ["softthinking_e2e_request_latency_seconds"] = "histogram",
        ["http_server_active_requests"] = "gauge",
        ["http_server_request_duration_seconds"] = "histogram",
    };

    [Test]
    public async Task Names_AreThoseOfDashboards()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.AskAsync(Path, Question);
        Exposition metrics = await ReadUntilAsync(server, read => read.Types.ContainsKey("http_server_request_duration_seconds"));
        Assert.That(metrics.Types, Is.EquivalentTo(Expected));
        Assert.That(metrics.Samples.Select(sample => sample.Labels.GetValueOrDefault("model_name")), Has.All.EqualTo(TestServer.Model));
        Assert.That(metrics.Samples.SelectMany(sample => sample.Labels.Keys).Distinct().Where(label => label.StartsWith("otel", StringComparison.Ordinal)), Is.Empty);
        Assert.That(metrics.Samples.Where(sample => sample.Name == "softthinking_request_success_total").Select(sample => sample.Labels["finished_reason"]),
            Is.EquivalentTo(new[] { "stop", "length", "cold_stop", "low_confidence", "abort", "error", "scored" }));
        Assert.That(metrics.Samples.Where(sample => sample.Name == "softthinking_thinking_ends_total").Select(sample => sample.Labels["reason"]),
            Is.EquivalentTo(new[] { "model", "cold_stop", "budget", "cusum", "eat", "deer", "switches" }));
    }

    [Test]
    public async Task Counters_RiseByWhatRepliesSay()
    {
        await using TestServer server = await TestServer.StartAsync();
        Assert.That((await ReadAsync(server)).Sum("softthinking_generation_tokens_total"), Is.Zero, "counters are there before the first request");
        JsonElement first = (await server.AskAsync(Path, Question)).GetProperty("usage");
        Exposition before = await ReadAsync(server);
        JsonElement second = (await server.AskAsync(Path, Question)).GetProperty("usage");
        Exposition after = await ReadAsync(server);
        Assert.Multiple(() =>
        {
            foreach ((string metric, Func<JsonElement, int> value) in UsageOf)
            {
                Assert.That(before.Sum(metric), Is.EqualTo(value(first)), metric);
                Assert.That(after.Sum(metric), Is.EqualTo(value(first) + value(second)), metric);
            }
            Assert.That(after.Sum("softthinking_request_success_total", ("finished_reason", "stop")), Is.EqualTo(4));
            Assert.That(after.Sum("softthinking_prefix_cache_hits_total"), Is.GreaterThan(0));
            Assert.That(after.Sum("softthinking_prefix_cache_queries_total"), Is.EqualTo(2 * after.Sum("softthinking_prompt_tokens_total")));
            foreach (string histogram in new[] { "time_to_first_token", "request_queue_time", "e2e_request_latency" })
                Assert.That(after.Sum($"softthinking_{histogram}_seconds_count"), Is.EqualTo(4), histogram);
            Assert.That(after.Sum("softthinking_inter_token_latency_seconds_count"), Is.EqualTo(after.Sum("softthinking_generation_tokens_total") - 4));
            Assert.That(after.Sum("softthinking_mixtures_total"), Is.GreaterThan(before.Sum("softthinking_mixtures_total")).And.GreaterThan(0));
            Assert.That(after.Sum("softthinking_thinking_entropy_nats_total"), Is.GreaterThan(0));
            Assert.That(after.Sum("softthinking_thinking_ends_total", ("reason", "model")), Is.EqualTo(4));
        });
    }

    [Test]
    public async Task Requests_CountByRouteAndStatus()
    {
        await using TestServer server = await TestServer.StartAsync();
        await server.AskAsync(Path, """{"max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}]}""");
        await server.FailAsync(Path, "{}");
        await server.FailAsync(Path, "{}");
        using (HttpResponseMessage missing = await server.Http.GetAsync("/nowhere"))
            Assert.That(missing.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        Exposition metrics = await ReadUntilAsync(server, read => read.Sum("http_server_request_duration_seconds_count", ("http_response_status_code", "404")) > 0);
        Assert.That(metrics.Samples.First(sample => sample.Name == "http_server_request_duration_seconds_count" && sample.Labels.ContainsKey("http_route")).Labels.Keys,
            Is.EquivalentTo(new[] { "http_request_method", "http_route", "http_response_status_code", "model_name" }));
        Assert.That(metrics.Sum("http_server_request_duration_seconds_count", ("http_route", Path), ("http_response_status_code", "200")), Is.EqualTo(1));
        Assert.That(metrics.Sum("http_server_request_duration_seconds_count", ("http_route", Path), ("http_response_status_code", "400")), Is.EqualTo(2));
        Assert.That(metrics.Samples.SelectMany(sample => sample.Labels.Values), Has.None.Contains("nowhere"), "paths that clients make up would make ever more series");
    }

    [Test]
    public async Task Servers_OfOneProcessAreNotMixed()
    {
        await using TestServer one = await TestServer.StartAsync(), other = await TestServer.StartAsync(options => options with { ModelName = "other" });
        await one.AskAsync(Path, Question);
        Exposition ofOne = await ReadAsync(one), ofOther = await ReadAsync(other);
        Assert.That(ofOne.Sum("softthinking_generation_tokens_total"), Is.GreaterThan(0));
        Assert.That(ofOther.Sum("softthinking_generation_tokens_total"), Is.Zero);
        Assert.That(ofOther.Samples.Where(sample => sample.Labels.GetValueOrDefault("http_route") == Path), Is.Empty);
        Assert.That(ofOther.Samples.Select(sample => sample.Labels["model_name"]), Has.All.EqualTo("other"));
    }

    /// <summary>The engine's thread does not wait for a garbage collection because it is measured.</summary>
    [Test]
    public async Task Measuring_AllocatesNothing()
    {
        await using TestServer server = await TestServer.StartAsync();
        GenerationRequest request = GenerationRequest.FromQuestion("Compute 40 + 7.") with
        {
            Samples = 4,
            IgnoreEndOfText = true,
            MaxNewTokens = 600,
            Sampling = new SamplingOptions { Seed = 0, SoftThinking = false },
        };
        await server.Engine.GenerateAsync(request); // warm
        Task<GenerationResult> generating = server.Engine.GenerateAsync(request);
        long first = server.Engine.Statistics.EngineSteps;
        long before = await AllocatedAfterAsync(first + 100), after = await AllocatedAfterAsync(first + 500);
        await generating;
        Assert.That(after - before, Is.Zero);
        Assert.That((await ReadAsync(server)).Sum("softthinking_inter_token_latency_seconds_count"), Is.EqualTo(2 * 4 * 599));

        async Task<long> AllocatedAfterAsync(long step)
        {
            while (server.Engine.Statistics.EngineSteps < step)
                await Task.Delay(1); // asking all the time would make the engine wait for its own lock, which allocates
            return server.Engine.AllocatedBytes;
        }
    }

    private static IEnumerable<(string Metric, Func<JsonElement, int> Value)> UsageOf =>
    [
        ("softthinking_prompt_tokens_total", usage => usage.GetProperty("prompt_tokens").GetInt32()),
        ("softthinking_generation_tokens_total", usage => usage.GetProperty("completion_tokens").GetInt32()),
        ("softthinking_thinking_tokens_total", usage => usage.GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32()),
    ];

    private static async Task<Exposition> ReadAsync(TestServer server)
    {
        using HttpResponseMessage response = await server.Http.GetAsync("/metrics");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(response.Content.Headers.ContentType?.ToString(), Does.StartWith("text/plain").And.Contains("version=0.0.4"));
        return Exposition.Parse(await response.Content.ReadAsStringAsync());
    }

    /// <summary>A request is counted after its end, which is after its reply.</summary>
    private static async Task<Exposition> ReadUntilAsync(TestServer server, Func<Exposition, bool> holds)
    {
        for (int i = 0; i < 1000; i++)
        {
            Exposition metrics = await ReadAsync(server);
            if (holds(metrics))
                return metrics;
        }
        throw new AssertionException("the metrics do not show it");
    }
}
