using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Clients;

/// <summary>The npm client "openai".</summary>
public class OpenAiNpmTests
{
    private TestServer _scripted = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _scripted = await ScriptedServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _scripted.DisposeAsync();

    [TestCase("chat")]
    [TestCase("stream")]
    public async Task Chat_HasThoughtAndAnswer(string name)
    {
        JsonElement reply = await RunAsync(SharedServer.Instance, name);
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("content").GetString(), Is.EqualTo("The answer is \\boxed{113}."));
            Assert.That(reply.GetProperty("reasoning").GetString(), Does.EndWith("113."));
            Assert.That(reply.GetProperty("finish").GetString(), Is.EqualTo("stop"));
            Assert.That(reply.GetProperty("usage").GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32(), Is.GreaterThan(50));
        });
    }

    [Test]
    public async Task Tools_AreCalledAndAnswered()
    {
        JsonElement reply = await RunAsync(_scripted, "tools");
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("cities").EnumerateArray().Select(city => city.GetString()), Is.EqualTo(new[] { ScriptedServer.City }));
            Assert.That(reply.GetProperty("content").GetString(), Is.EqualTo("The sun shines."));
            Assert.That(reply.GetProperty("turns").EnumerateArray().Select(role => role.GetString()), Is.EqualTo(new[] { "user", "assistant", "tool", "assistant" }));
        });
    }

    [Test]
    public async Task ToolCalls_AreWhole()
    {
        JsonElement reply = await RunAsync(_scripted, "toolsWhole");
        JsonElement call = reply.GetProperty("calls").EnumerateArray().Single();
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("finish").GetString(), Is.EqualTo("tool_calls"));
            Assert.That(reply.GetProperty("reasoning").GetString(), Is.EqualTo(ScriptedServer.Thought));
            Assert.That(call.GetProperty("function").GetProperty("name").GetString(), Is.EqualTo("weather"));
            Assert.That(call.GetProperty("function").GetProperty("arguments").GetString(), Is.EqualTo($$"""{"city": "{{ScriptedServer.City}}"}"""));
        });
    }

    [TestCase("responses")]
    [TestCase("responsesStream")]
    public async Task Responses_HaveThoughtAndAnswer(string name)
    {
        JsonElement reply = await RunAsync(SharedServer.Instance, name);
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("content").GetString(), Is.EqualTo("The answer is \\boxed{113}."));
            Assert.That(reply.GetProperty("items").EnumerateArray().Select(item => item.GetString()), Is.EqualTo(new[] { "reasoning", "message" }));
            Assert.That(reply.GetProperty("status").GetString(), Is.EqualTo("completed"));
        });
    }

    [Test]
    public async Task Errors_NameTheField()
    {
        JsonElement error = await RunAsync(SharedServer.Instance, "error");
        Assert.That((error.GetProperty("status").GetInt32(), error.GetProperty("kind").GetString(), error.GetProperty("param").GetString()),
            Is.EqualTo((400, "BadRequestError", "top_p")));
    }

    [Test]
    public async Task Models_AreListed() =>
        Assert.That((await RunAsync(SharedServer.Instance, "models")).GetProperty("ids")[0].GetString(), Is.EqualTo(TestServer.Model));

    private static Task<JsonElement> RunAsync(TestServer server, string name) => NpmClients.RunAsync("openai.mjs", server, name);
}
