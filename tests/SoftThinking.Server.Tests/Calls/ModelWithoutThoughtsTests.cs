using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Calls;

/// <summary>A model that does not think is served with defaults that are for one that does, and says what it is.</summary>
public class ModelWithoutThoughtsTests
{
    [Test]
    public async Task Model_Answers()
    {
        GenerationRequest defaults = new() { Prompt = new ChatPrompt([]), Sampling = new SamplingOptions { MaxThinkingTokens = 5 } };
        await using TestServer server = await ScriptedServer.StartWithoutThoughtsAsync(options => options with { Defaults = _ => defaults });
        JsonElement models = JsonElement.Parse(await server.Http.GetStringAsync("/v1/models"));
        JsonElement reply = await server.AskAsync("/v1/chat/completions", """{"reasoning_effort": "low", "messages": [{"role": "user", "content": "Hi"}]}""");
        Assert.Multiple(() =>
        {
            Assert.That(models.GetProperty("data")[0].GetProperty("thinks").GetBoolean(), Is.False);
            Assert.That(reply.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), Is.EqualTo("Hello, you."));
        });
    }
}
