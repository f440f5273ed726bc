using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Load;

/// <summary>Many clients at once, of which half leave in the middle.</summary>
public class StreamingLoadTests
{
    private const string Path = "/v1/chat/completions";
    private const int Clients = 64, Kinds = 24;

    /// <summary>For so many seconds as SOFTTHINKING_SOAK_SECONDS says. Every answer that is read to its end equals that of the same request
    /// alone; no block stays in use; memory stays flat.</summary>
    [Test, Category("Slow")]
    public async Task SurvivorsAreAnsweredAsIfAlone_AndNothingLeaks()
    {
        int seconds = int.Parse(Environment.GetEnvironmentVariable("SOFTTHINKING_SOAK_SECONDS") ?? "15", CultureInfo.InvariantCulture);
        await using TestServer server = await TestServer.StartAsync(engine: new EngineOptions { Threads = 2, MaxSequences = 16 });
        Reply[] alone = new Reply[Kinds];
        for (int i = 0; i < Kinds; i++)
            alone[i] = (await ReadAsync(server.Http, Request(i), leaveAfter: int.MaxValue))!;
        Stopwatch clock = Stopwatch.StartNew();
        int survived = 0, left = 0;
        List<long> resident = [];
        Task watching = WatchAsync();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(ClientAsync));
        await watching;
        while (server.Engine.Statistics is { Running: > 0 } or { Waiting: > 0 })
            await Task.Yield();
        // The first third is warm-up: the runtime compiles, the heaps find their size.
        long[] second = [.. resident.Skip(resident.Count / 3).Take(resident.Count / 3)], last = [.. resident.Skip(2 * resident.Count / 3)];
        TestContext.Progress.WriteLine(FormattableString.Invariant(
            $"{seconds} s, {Clients} clients: {survived} answers, {left} left; resident {second.Max() >> 20} MiB in the second third, {last.Max() >> 20} MiB in the last"));
        Assert.Multiple(() =>
        {
            Assert.That(survived, Is.GreaterThan(Clients));
            Assert.That(left, Is.GreaterThan(Clients));
            Assert.That(server.Engine.Statistics.BlocksUsed, Is.Zero);
            Assert.That(last.Max(), Is.LessThan(second.Max() * 1.1 + (16 << 20)));
        });

        async Task ClientAsync(int client)
        {
            Random random = new(client);
            using HttpClient http = new() { BaseAddress = server.Server.Address };
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                int kind = random.Next(Kinds);
                bool leaves = random.Next(2) == 0;
                Reply? reply = await ReadAsync(http, Request(kind), leaves ? random.Next(60) : int.MaxValue);
                if (reply == null)
                {
                    Interlocked.Increment(ref left);
                    continue;
                }
                Interlocked.Increment(ref survived);
                if (reply != alone[kind])
                    throw new AssertionException($"request {kind} of client {client} was answered {reply}, alone {alone[kind]}");
            }
        }

        async Task WatchAsync()
        {
            for (int i = 0; i < 30; i++)
            {
                await Task.Delay(TimeSpan.FromSeconds(seconds / 30.0));
                using Process process = Process.GetCurrentProcess();
                resident.Add(process.WorkingSet64);
            }
        }
    }

    /// <summary>Requests of different lengths, seeds and ways to sample.</summary>
    private static string Request(int kind) => $$"""
        {"seed": {{kind}}, "no_soft_thinking": {{(kind % 3 == 1 ? "true" : "false")}}, "temperature": {{(kind % 2 == 0 ? "1.1" : "0.6")}},
         "max_tokens": {{20 + kind * 7}}, "stream": true, "return_concept_tokens": {{(kind % 4 == 0 ? "true" : "false")}},
         "messages": [{"role": "user", "content": "What is {{kind + 11}} + {{kind * 3 + 2}}?"}]}
        """;

    /// <summary>Reads a streamed reply; null if the client left before its end.</summary>
    /// <param name="leaveAfter">Events after which the client leaves.</param>
    private static async Task<Reply?> ReadAsync(HttpClient http, string request, int leaveAfter)
    {
        using HttpRequestMessage message = new(HttpMethod.Post, Path) { Content = new StringContent(request, new MediaTypeHeaderValue("application/json")) };
        using HttpResponseMessage response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        StringBuilder content = new(), reasoning = new();
        string? finish = null;
        for (int events = 0; events < leaveAfter;)
        {
            string line = await lines.ReadLineAsync() ?? throw new IOException("the stream ended without [DONE]");
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            events++;
            if (line == "data: [DONE]")
                return new Reply(content.ToString(), reasoning.ToString(), finish);
            JsonElement choice = JsonElement.Parse(line["data: ".Length..]).GetProperty("choices")[0];
            JsonElement delta = choice.GetProperty("delta");
            content.Append(delta.TryGetProperty("content", out JsonElement text) ? text.GetString() : "");
            reasoning.Append(delta.TryGetProperty("reasoning_content", out JsonElement thought) ? thought.GetString() : "");
            finish ??= choice.GetProperty("finish_reason").GetString();
        }
        return null;
    }

    private sealed record Reply(string Content, string Reasoning, string? Finish);
}
