using Microsoft.Extensions.AI;
using NUnit.Framework;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>Many requests, each of which ends in another way, leave nothing behind.</summary>
[NonParallelizable]
public class CycleTests
{
    // Blocks of managed memory that pools may keep.
    private const long Slack = 4 << 20;

    [TestCase(300)]
    [TestCase(10_000, Category = "Slow")]
    public async Task Requests_LeaveNothingBehind(int cycles)
    {
        await using Engine engine = Models.LoadScripted();
        await RunAsync(engine, 100); // so that everything that is made once exists
        long before = GC.GetTotalMemory(forceFullCollection: true);
        await RunAsync(engine, cycles);
        long grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        await engine.DrainAsync();
        Assert.Multiple(() =>
        {
            Assert.That((engine.Statistics.BlocksUsed, engine.Statistics.Running, engine.Statistics.Waiting), Is.EqualTo((0, 0, 0)));
            Assert.That(grown, Is.LessThan(Slack));
        });
    }

    private static async Task RunAsync(Engine engine, int cycles)
    {
        for (int i = 0; i < cycles; i++)
        {
            using SoftThinkingChatClient client = new(engine);
            using CancellationTokenSource cancellation = new();
            switch (i % 4)
            {
                case 0:
                    await client.GetResponseAsync("Hello");
                    break;
                case 1: // left
                    await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync("Hello"))
                        break;
                    break;
                case 2:
                    Task<ChatResponse> reply = client.GetResponseAsync("Hello", null, cancellation.Token);
                    await cancellation.CancelAsync();
                    await ((Task)reply).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    break;
                case 3: // refused
                    await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("Hello", new ChatOptions { ConversationId = "1" }));
                    break;
            }
        }
    }
}
