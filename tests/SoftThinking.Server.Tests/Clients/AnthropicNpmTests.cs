using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Clients;

/// <summary>The npm client "@anthropic-ai/sdk".</summary>
public class AnthropicNpmTests
{
    [TestCase("message")]
    [TestCase("stream")]
    public async Task Message_HasThoughtAndAnswer(string name)
    {
        JsonElement reply = await NpmClients.RunAsync("anthropic.mjs", SharedServer.Instance, name);
        Assert.Multiple(() =>
        {
            Assert.That(Blocks(reply, "blocks").Select(block => block.Type), Is.EqualTo(new[] { "thinking", "text" }));
            Assert.That(Blocks(reply, "blocks")[1].Text, Is.EqualTo("The answer is \\boxed{113}."));
            Assert.That(reply.GetProperty("stop").GetString(), Is.EqualTo("end_turn"));
            Assert.That(reply.GetProperty("usage").GetProperty("output_tokens").GetInt32(), Is.GreaterThan(50));
        });
    }

    [Test]
    public async Task Tools_AreCalledAndAnswered()
    {
        await using TestServer scripted = await ScriptedServer.StartAsync();
        JsonElement reply = await NpmClients.RunAsync("anthropic.mjs", scripted, "tools");
        JsonElement call = reply.GetProperty("first").EnumerateArray().Last();
        Assert.Multiple(() =>
        {
            Assert.That(Blocks(reply, "first").Select(block => block.Type), Is.EqualTo(new[] { "thinking", "text", "tool_use" }));
            Assert.That(call.GetProperty("name").GetString(), Is.EqualTo("weather"));
            Assert.That(call.GetProperty("input").GetProperty("city").GetString(), Is.EqualTo(ScriptedServer.City));
            Assert.That(reply.GetProperty("stop").GetString(), Is.EqualTo("tool_use"));
            Assert.That(Blocks(reply, "last")[^1].Text, Is.EqualTo("The sun shines."));
        });
    }

    [Test]
    public async Task Tokens_AreCountedAsTheReplyCountsThem()
    {
        JsonElement count = await NpmClients.RunAsync("anthropic.mjs", SharedServer.Instance, "count");
        JsonElement reply = await NpmClients.RunAsync("anthropic.mjs", SharedServer.Instance, "message");
        JsonElement usage = reply.GetProperty("usage");
        Assert.That(count.GetProperty("input_tokens").GetInt32(),
            Is.EqualTo(usage.GetProperty("input_tokens").GetInt32() + usage.GetProperty("cache_read_input_tokens").GetInt32()));
    }

    [Test]
    public async Task Errors_AreTheClientsOwn()
    {
        JsonElement error = await NpmClients.RunAsync("anthropic.mjs", SharedServer.Instance, "error");
        Assert.That((error.GetProperty("status").GetInt32(), error.GetProperty("kind").GetString()), Is.EqualTo((400, "BadRequestError")));
        Assert.That(error.GetProperty("message").GetString(), Does.Contain("top_p"));
    }

    private static List<(string? Type, string? Text)> Blocks(JsonElement reply, string name) =>
        [.. reply.GetProperty(name).EnumerateArray().Select(block => (block.GetProperty("type").GetString(), block.GetProperty("text").GetString()))];
}
