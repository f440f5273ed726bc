using Microsoft.Extensions.AI;
using NUnit.Framework;

namespace SoftThinking.Extensions.AI.Tests;

public class ChatClientTests
{
    private static readonly ChatOptions Greedy = new() { Temperature = 0 };

    private static SoftThinkingChatClient Client => new(Models.Demonstration, "tiny");

    [Test]
    public async Task Reply_HasThoughtAnswerAndUsage([Values] bool streamed)
    {
        ChatResponse reply = await Client.AskAsync(Models.Question, Greedy, streamed);
        UsageDetails usage = reply.Usage!;
        Assert.Multiple(() =>
        {
            Assert.That(reply.Text, Is.EqualTo(Models.Answer));
            Assert.That(reply.Thought(), Does.EndWith("113."));
            Assert.That((reply.FinishReason, reply.ModelId, reply.Messages.Single().Role), Is.EqualTo((ChatFinishReason.Stop, "tiny", ChatRole.Assistant)));
            Assert.That(reply.ResponseId, Is.Not.Null.And.Not.EqualTo(reply.Messages[0].MessageId));
            Assert.That(reply.CreatedAt, Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(5)));
            Assert.That(usage.ReasoningTokenCount, Is.InRange(50, usage.OutputTokenCount!));
            Assert.That(usage.TotalTokenCount, Is.EqualTo(usage.InputTokenCount + usage.OutputTokenCount));
            Assert.That(usage.CachedInputTokenCount, Is.InRange(0, usage.InputTokenCount!));
        });
    }

    [Test]
    public async Task StreamedReply_IsTheWhole([Values(1, 2, 3)] int seed)
    {
        ChatOptions options = new() { Seed = seed, MaxOutputTokens = 200 };
        ChatResponse whole = await Client.GetResponseAsync(Models.Question, options);
        ChatResponse streamed = await Client.GetStreamingResponseAsync(Models.Question, options).ToChatResponseAsync();
        Assert.Multiple(() =>
        {
            Assert.That(streamed.Describe(), Is.EqualTo(whole.Describe()));
            Assert.That(streamed.FinishReason, Is.EqualTo(whole.FinishReason));
            Assert.That(streamed.Usage!.OutputTokenCount, Is.EqualTo(whole.Usage!.OutputTokenCount));
        });
    }

    [Test]
    public async Task Updates_HaveTheEventsWithConceptTokens()
    {
        List<ChatResponseUpdate> updates = await Client.GetStreamingResponseAsync(Models.Question, new ChatOptions { Seed = 1 }).ToListAsync();
        GenerationEvent[] events = [.. updates.Select(update => (GenerationEvent)update.RawRepresentation!)];
        GenerationAccumulator all = new();
        foreach (GenerationEvent next in events)
            all.Add(next);
        ChatResponse whole = await Client.GetResponseAsync(Models.Question, new ChatOptions { Seed = 1 });
        GenerationResult result = (GenerationResult)whole.RawRepresentation!;
        Assert.Multiple(() =>
        {
            Assert.That(events[0], Is.InstanceOf<GenerationStarted>());
            Assert.That(events[^1], Is.InstanceOf<GenerationFinished>());
            Assert.That(events.OfType<GeneratedToken>().Count(token => token.Token.Entries.Length > 1), Is.GreaterThan(5));
            Assert.That(all.ToResult().Samples[0].Tokens.Select(token => token.Token), Is.EqualTo(result.Samples[0].Tokens.Select(token => token.Token)));
            Assert.That(updates.Select(update => (update.ResponseId, update.MessageId, update.ModelId, update.CreatedAt)).Distinct().Count(), Is.EqualTo(1));
            Assert.That(updates.Count(update => update.FinishReason != null), Is.EqualTo(1));
        });
    }

    [Test]
    public async Task Budget_EndsTheThought([Values] bool streamed)
    {
        ChatOptions options = new() { Temperature = 0, AdditionalProperties = new() { ["max_thinking_tokens"] = 10 } };
        ChatResponse reply = await Client.AskAsync(Models.Question, options, streamed);
        Assert.That(reply.Usage!.ReasoningTokenCount, Is.InRange(10, 12));
    }

    [Test]
    public async Task EffortNone_TurnsThinkingOff([Values] bool streamed)
    {
        ChatOptions options = new() { Temperature = 0, Reasoning = new ReasoningOptions { Effort = ReasoningEffort.None } };
        options.WithSoftThinking(new SamplingOptions { SoftThinking = false });
        ChatResponse reply = await new SoftThinkingChatClient(Models.Scripted).AskAsync("Hello", options, streamed);
        Assert.That((reply.Describe(), reply.Usage!.ReasoningTokenCount), Is.EqualTo(("text At once.", 0)));
    }

    [Test]
    public async Task EffortNone_EndsAThoughtThatTheTemplateOpens([Values] bool streamed)
    {
        ChatOptions options = new() { Temperature = 0, Reasoning = new ReasoningOptions { Effort = ReasoningEffort.None } };
        ChatResponse reply = await Client.AskAsync(Models.Question, options, streamed);
        Assert.That((reply.Thought(), reply.Usage!.ReasoningTokenCount), Is.EqualTo(("", 1)));
    }

    [Test]
    public async Task OutputNone_LeavesTheThoughtOut([Values] bool streamed)
    {
        ChatOptions options = new() { Temperature = 0, Reasoning = new ReasoningOptions { Output = ReasoningOutput.None } };
        ChatResponse reply = await Client.AskAsync(Models.Question, options, streamed);
        Assert.That(reply.Describe(), Is.EqualTo("text " + Models.Answer));
        Assert.That(reply.Usage!.ReasoningTokenCount, Is.GreaterThan(50));
    }

    [Test]
    public async Task OutputNone_StreamsNoTokenOfTheThought()
    {
        ChatOptions options = new() { Temperature = 0, Reasoning = new ReasoningOptions { Output = ReasoningOutput.None } };
        List<ChatResponseUpdate> updates = await Client.GetStreamingResponseAsync(Models.Question, options).ToListAsync();
        GeneratedToken[] tokens = [.. updates.Select(update => update.RawRepresentation).OfType<GeneratedToken>()];
        Assert.That(tokens, Is.Not.Empty);
        Assert.That(tokens.Any(token => token.Thinking), Is.False);
    }

    [Test]
    public async Task MaxOutputTokens_EndsWithLength([Values] bool streamed)
    {
        ChatResponse reply = await Client.AskAsync(Models.Question, new ChatOptions { MaxOutputTokens = 5 }, streamed);
        Assert.That((reply.FinishReason, reply.Usage!.OutputTokenCount), Is.EqualTo((ChatFinishReason.Length, 5)));
    }

    [Test]
    public async Task StopSequence_EndsTheAnswer([Values] bool streamed)
    {
        ChatResponse reply = await Client.AskAsync(Models.Question, new ChatOptions { Temperature = 0, StopSequences = ["\\boxed"] }, streamed);
        Assert.That((reply.Text, reply.FinishReason), Is.EqualTo(("The answer is", ChatFinishReason.Stop)));
    }

    [Test]
    public async Task ColdStop_IsAStop()
    {
        SamplingOptions sampling = new() { ColdStopAfterThinking = true, EarlyStoppingEntropyThreshold = 1000, EarlyStoppingLengthThreshold = 3 };
        ChatResponse reply = await Client.GetResponseAsync(Models.Question, new ChatOptions().WithSoftThinking(sampling));
        GenerationResult result = (GenerationResult)reply.RawRepresentation!;
        Assert.That((result.Samples[0].FinishReason, reply.FinishReason), Is.EqualTo((FinishReason.ColdStop, ChatFinishReason.Stop)));
    }

    [Test]
    public async Task Cancellation_FreesTheBlocks([Values] bool streamed)
    {
        await using Engine engine = Models.LoadScripted();
        SoftThinkingChatClient client = new(engine);
        using CancellationTokenSource cancellation = new();
        ChatOptions endless = new ChatOptions().WithSoftThinking(new GenerationRequest { Prompt = new ChatPrompt([]), IgnoreEndOfText = true });
        if (streamed)
        {
            await Assert.CatchAsync<OperationCanceledException>(async () =>
            {
                await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Hello", endless, cancellation.Token))
                {
                    if (update.RawRepresentation is GeneratedToken)
                        await cancellation.CancelAsync();
                }
            });
        }
        else
        {
            Task<ChatResponse> reply = client.GetResponseAsync("Hello", endless, cancellation.Token);
            await cancellation.CancelAsync();
            await Assert.CatchAsync<OperationCanceledException>(() => reply);
        }
        await engine.DrainAsync();
        Assert.That((engine.Statistics.BlocksUsed, engine.Statistics.Running), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task LeavingTheEnumeration_FreesTheBlocks()
    {
        await using Engine engine = Models.LoadScripted();
        ChatOptions endless = new ChatOptions().WithSoftThinking(new GenerationRequest { Prompt = new ChatPrompt([]), IgnoreEndOfText = true });
        await foreach (ChatResponseUpdate update in new SoftThinkingChatClient(engine).GetStreamingResponseAsync("Hello", endless))
        {
            if (update.RawRepresentation is GeneratedToken)
                break;
        }
        await engine.DrainAsync();
        Assert.That(engine.Statistics.BlocksUsed, Is.Zero);
    }

    [Test]
    public void Services_AreMetadataEngineAndClient()
    {
        using SoftThinkingChatClient client = Client;
        ChatClientMetadata metadata = client.GetService<ChatClientMetadata>()!;
        Assert.Multiple(() =>
        {
            Assert.That((metadata.ProviderName, metadata.DefaultModelId), Is.EqualTo(("softthinking", "tiny")));
            Assert.That(client.GetService<Engine>(), Is.SameAs(Models.Demonstration));
            Assert.That(client.GetService<IChatClient>(), Is.SameAs(client));
            Assert.That(client.GetService(typeof(Engine), "key"), Is.Null);
            Assert.That(client.GetService<string>(), Is.Null);
        });
    }

    [Test]
    public async Task Dispose_EndsAnEngineOnlyIfItIsOwned([Values] bool owned)
    {
        await using Engine engine = Models.LoadScripted();
        SoftThinkingChatClient client = new(engine, ownsEngine: owned);
        client.Dispose();
        if (owned)
            await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hello"));
        else
            Assert.That((await client.GetResponseAsync("Hello")).Text, Is.EqualTo(Models.Greeting));
    }

    [Test]
    public async Task DisposedEngine_EndsRequests()
    {
        Engine engine = Models.LoadScripted();
        SoftThinkingChatClient client = new(engine);
        ChatOptions endless = new ChatOptions().WithSoftThinking(new GenerationRequest { Prompt = new ChatPrompt([]), IgnoreEndOfText = true });
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Hello", endless))
            {
                if (update.RawRepresentation is GeneratedToken)
                    await engine.DisposeAsync();
            }
        });
        client.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hello"));
    }

    [Test]
    public async Task TwoEngines_AnswerEachItsOwn()
    {
        SoftThinkingChatClient scripted = new(Models.Scripted);
        Task<ChatResponse>[] replies = [.. Enumerable.Range(0, 8).Select(i => (i % 2 == 0 ? Client : scripted).GetResponseAsync(Models.Question, Greedy))];
        string[] texts = [.. (await Task.WhenAll(replies)).Select(reply => reply.Text)];
        Assert.That(texts, Is.EqualTo(Enumerable.Repeat(new[] { Models.Answer, Models.Greeting }, 4).SelectMany(pair => pair)));
    }

    [Test]
    public async Task Null_IsAnError()
    {
        Assert.Throws<ArgumentNullException>(() => new SoftThinkingChatClient(null!));
        await Assert.ThrowsAsync<ArgumentNullException>(() => Client.GetResponseAsync((IEnumerable<Microsoft.Extensions.AI.ChatMessage>)null!));
        Assert.Throws<ArgumentNullException>(() => Client.GetStreamingResponseAsync((IEnumerable<Microsoft.Extensions.AI.ChatMessage>)null!));
        Assert.Throws<ArgumentNullException>(() => Client.GetService(null!));
    }
}
