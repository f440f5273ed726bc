using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NUnit.Framework;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>The clients of Microsoft.Extensions.AI that surround another.</summary>
public class MiddlewareTests
{
    private static readonly ChatOptions Greedy = new() { Temperature = 0 };

    [Test]
    public async Task OpenTelemetry_TracesModelAndTokens([Values] bool streamed)
    {
        string source = Guid.NewGuid().ToString();
        ConcurrentQueue<Activity> activities = [];
        using ActivityListener listener = new()
        {
            ShouldListenTo = other => other.Name == source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        IChatClient client = new SoftThinkingChatClient(Models.Scripted, "scripted").AsBuilder().UseOpenTelemetry(sourceName: source).Build();
        ChatResponse reply = await client.AskAsync("Hello", Greedy, streamed);
        Activity activity = activities.Single();
        Assert.Multiple(() =>
        {
            Assert.That(activity.GetTagItem("gen_ai.provider.name"), Is.EqualTo("softthinking"));
            Assert.That(activity.GetTagItem("gen_ai.request.model"), Is.EqualTo("scripted"));
            Assert.That(activity.GetTagItem("gen_ai.response.model"), Is.EqualTo("scripted"));
            Assert.That(activity.GetTagItem("gen_ai.usage.output_tokens"), Is.EqualTo(reply.Usage!.OutputTokenCount));
        });
    }

    [Test]
    public async Task DistributedCache_AnswersTheSecondTime([Values] bool streamed)
    {
        MemoryDistributedCache cache = new(Options.Create(new MemoryDistributedCacheOptions()));
        SoftThinkingChatClient client = new(Models.Scripted);
        IChatClient cached = client.AsBuilder().UseDistributedCache(cache).Build();
        ChatResponse first = await cached.AskAsync("Hello", Greedy, streamed);
        ChatResponse second = await cached.AskAsync("Hello", Greedy, streamed);
        Assert.That((second.ResponseId, second.Describe(), second.Usage!.OutputTokenCount), Is.EqualTo((first.ResponseId, first.Describe(), first.Usage!.OutputTokenCount)));
    }

    [Test]
    public async Task Logging_LogsTheCall([Values] bool streamed)
    {
        ConcurrentQueue<string> lines = [];
        using LoggerFactory loggers = new([new LineLogger(lines.Enqueue)], new LoggerFilterOptions { MinLevel = LogLevel.Trace });
        IChatClient client = new SoftThinkingChatClient(Models.Scripted).AsBuilder().UseLogging(loggers).Build();
        await client.AskAsync("Hello", Greedy, streamed);
        Assert.That(lines, Has.Some.Contains(streamed ? "GetStreamingResponseAsync completed" : "GetResponseAsync completed"));
    }
}
