using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Server.Tests.Hosting;

namespace SoftThinking.Server.Tests.Hostile;

/// <summary>Whatever is sent, the server refuses it or answers, and goes on.</summary>
public class HostileRequestTests
{
    private const string Path = "/v1/chat/completions";
    private const string Normal = """{"seed": 3, "max_tokens": 16, "logprobs": true, "return_concept_tokens": true, "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}""";
    private const int BodyLimit = 1 << 16;

    [TestCase(200)]
    [TestCase(1000, Category = "Slow")]
    public async Task BadRequests_AreRefused(int count)
    {
        int seed = int.Parse(Environment.GetEnvironmentVariable("SOFTTHINKING_TEST_SEED") ?? "1", CultureInfo.InvariantCulture);
        await TestContext.Progress.WriteLineAsync($"seed {seed} (SOFTTHINKING_TEST_SEED)");
        EngineOptions engine = new() { Threads = 2, MaxNewTokens = 16, QueueLength = 64 };
        await using TestServer server = await TestServer.StartAsync(options => options with { MaxBodyBytes = BodyLimit }, engine);
        string before = await AnswerAsync(server);
        JsonElement document = JsonElement.Parse(await server.Http.GetStringAsync("/openapi/v1.json"));
        ConcurrentDictionary<(string Kind, int Status), int> seen = [];
        await Parallel.ForEachAsync(new BadRequests(document, BodyLimit, seed).Make(count), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (bad, cancellation) =>
        {
            int status = await SendAsync(server, document, bad, cancellation);
            seen.AddOrUpdate((bad.Kind, status), 1, (_, n) => n + 1);
        });
        foreach (((string kind, int status), int n) in seen.OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal))
            await TestContext.Out.WriteLineAsync($"{kind}: {n} × {status}");
        Assert.That(seen.Where(pair => pair.Key.Status != 200).Sum(pair => pair.Value), Is.GreaterThan(count / 2), "most of them are bad indeed");
        Assert.That(seen.Keys.Select(key => key.Status), Does.Contain(200), "some are not");
        Assert.That(await AnswerAsync(server), Is.EqualTo(before));
        Assert.That((server.Engine.Statistics.Running, server.Engine.Statistics.Waiting, server.Engine.Statistics.BlocksUsed), Is.EqualTo((0, 0, 0)));
    }

    /// <summary>Sends a request, checks the reply, and returns its status.</summary>
    private static async Task<int> SendAsync(TestServer server, JsonElement document, BadRequest bad, CancellationToken cancellation)
    {
        using HttpRequestMessage message = bad.Message();
        using HttpResponseMessage response = await server.Http.SendAsync(message, cancellation);
        string reply = await response.Content.ReadAsStringAsync(cancellation);
        int status = (int)response.StatusCode;
        Assert.That(status, bad.Status is int expected ? Is.EqualTo(expected) : Is.EqualTo(200).Or.InRange(400, 499), $"{bad}\n{reply}");
        Assert.That(reply, Does.Not.Contain("server_error"), bad.ToString());
        if (status == 200)
            return status;
        JsonElement responses = document.GetProperty("paths").GetProperty(bad.Path).GetProperty("post").GetProperty("responses");
        Assert.That(responses.TryGetProperty(status.ToString(CultureInfo.InvariantCulture), out JsonElement documented), $"{bad}\nthe status {status} is not documented");
        JsonElement schema = documented.GetProperty("content").GetProperty("application/json").GetProperty("schema");
        Assert.That(SchemaCheck.Problems(JsonElement.Parse(reply), schema), Is.Empty, $"{bad}\n{reply}");
        return status;
    }

    private static async Task<string> AnswerAsync(TestServer server) => (await server.AskAsync(Path, Normal)).GetProperty("choices").GetRawText();
}
