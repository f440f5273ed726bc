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
    private const string Normal = """
        {"seed": 3, "max_tokens": 16, "logprobs": true, "return_concept_tokens": true, "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}
        """;
    private const int BodyLimit = 1 << 16;

    [TestCase(1000)]
    public async Task BadRequests_AreRefused(int count)
    {
        ConcurrentDictionary<(string Kind, int Status), int> seen = await SendAllAsync(requests => requests.Make(count));
        Assert.That(seen.Where(pair => pair.Key.Status != 200).Sum(pair => pair.Value), Is.GreaterThan(count / 2), "most of them are bad indeed");
        Assert.That(seen.Keys.Select(key => key.Status), Does.Contain(200), "some are not");
    }

    [Test]
    [Category("Slow")]
    public async Task NoValue_OfAnyFieldIsTooStrange() => Assert.That(await SendAllAsync(requests => requests.MakeEveryValue()), Is.Not.Empty);

    /// <summary>Sends requests to a server, and returns how many of each kind had which status. Afterwards the server answers as before.</summary>
    private static async Task<ConcurrentDictionary<(string Kind, int Status), int>> SendAllAsync(Func<BadRequests, IEnumerable<BadRequest>> make)
    {
        int seed = int.Parse(Environment.GetEnvironmentVariable("SOFTTHINKING_TEST_SEED") ?? "1", CultureInfo.InvariantCulture);
        await TestContext.Out.WriteLineAsync($"seed {seed} (SOFTTHINKING_TEST_SEED)");
        EngineOptions engine = new() { Threads = 2, MaxNewTokens = 16, QueueLength = 64 };
        await using TestServer server = await TestServer.StartAsync(options => options with { MaxBodyBytes = BodyLimit }, engine);
        string before = await AnswerAsync(server);
        JsonElement document = JsonElement.Parse(await server.Http.GetStringAsync("/openapi/v1.json"));
        ConcurrentDictionary<(string Kind, int Status), int> seen = [];
        ParallelOptions atOnce = new() { MaxDegreeOfParallelism = 4 };
        await Parallel.ForEachAsync(make(new BadRequests(document, BodyLimit, seed)), atOnce, async (bad, cancellation) =>
        {
            int status = await SendAsync(server, document, bad, cancellation);
            seen.AddOrUpdate((bad.Kind, status), 1, (_, n) => n + 1);
        });
        foreach (((string kind, int status), int n) in seen.OrderBy(pair => pair.Key.ToString(), StringComparer.Ordinal))
            await TestContext.Out.WriteLineAsync($"{kind}: {n} × {status}");
        Assert.That(await AnswerAsync(server), Is.EqualTo(before));
        EngineStatistics after = server.Engine.Statistics;
        Assert.That((after.Running, after.Waiting, after.BlocksUsed), Is.EqualTo((0, 0, 0)));
        return seen;
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
        bool isDocumented = responses.TryGetProperty(status.ToString(CultureInfo.InvariantCulture), out JsonElement documented);
        Assert.That(isDocumented, $"{bad}\nthe status {status} is not documented");
        Assert.That(SchemaCheck.Problems(JsonElement.Parse(reply), SchemaCheck.SchemaOf(document, documented)), Is.Empty, $"{bad}\n{reply}");
        return status;
    }

    private static async Task<string> AnswerAsync(TestServer server) => (await server.AskAsync(Path, Normal)).GetProperty("choices").GetRawText();
}
