using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Server.Tests.Messages;
using SoftThinking.Server.Tests.Responses;

namespace SoftThinking.Server.Tests.Calls;

/// <summary>Tool calls, and conversations of several turns, in the dialects besides chat completions.</summary>
public class ToolCallTests
{
    private const string Question = """{"role": "user", "content": "Weather?"}""",
        FlatTool = """[{"type": "function", "name": "weather", "parameters": {"type": "object"}}]""",
        Tool = """[{"name": "weather", "input_schema": {"type": "object"}}]""";

    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await ScriptedServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Responses_CallAndContinue([Values] bool stream)
    {
        JsonArray input = [JsonNode.Parse(Question)];
        JsonElement first = await RespondAsync(input, stream);
        JsonElement[] items = [.. first.GetProperty("output").EnumerateArray()];
        foreach (JsonElement item in items)
            input.Add(JsonNode.Parse(item.GetRawText()));
        JsonElement call = items[^1];
        input.Add((JsonNode)new JsonObject { ["type"] = "function_call_output", ["call_id"] = call.GetProperty("call_id").GetString(), ["output"] = "sunny" });
        JsonElement second = await RespondAsync(input, stream);
        Assert.Multiple(() =>
        {
            Assert.That(items.Select(ResponseEvents.TypeOf), Is.EqualTo(new[] { "reasoning", "message", "function_call" }));
            Assert.That(items[0].GetProperty("summary")[0].GetProperty("text").GetString(), Is.EqualTo(ScriptedServer.Thought));
            Assert.That(items[1].GetProperty("content")[0].GetProperty("text").GetString(), Is.EqualTo("One moment."));
            Assert.That(call.GetProperty("name").GetString(), Is.EqualTo("weather"));
            Assert.That(call.GetProperty("arguments").GetString(), Is.EqualTo($$"""{"city": "{{ScriptedServer.City}}"}"""));
            Assert.That(call.GetProperty("id").GetString(), Is.Not.EqualTo(call.GetProperty("call_id").GetString()));
            Assert.That(first.GetProperty("status").GetString(), Is.EqualTo("completed"));
            Assert.That(second.GetProperty("output").EnumerateArray().Last().GetProperty("content")[0].GetProperty("text").GetString(), Is.EqualTo("The sun shines."));
        });
    }

    [Test]
    public async Task Messages_CallAndContinue([Values] bool stream)
    {
        JsonArray messages = [JsonNode.Parse(Question)];
        JsonObject first = await AnswerAsync(messages, stream);
        JsonArray blocks = first["content"]!.AsArray();
        messages.Add((JsonNode)new JsonObject { ["role"] = "assistant", ["content"] = blocks.DeepClone() });
        JsonNode call = blocks[^1]!;
        JsonObject result = new() { ["type"] = "tool_result", ["tool_use_id"] = (string)call["id"]!, ["content"] = "sunny" };
        messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = new JsonArray(result) });
        JsonObject second = await AnswerAsync(messages, stream);
        Assert.Multiple(() =>
        {
            Assert.That(blocks.Select(block => (string)block!["type"]!), Is.EqualTo(new[] { "thinking", "text", "tool_use" }));
            Assert.That((string)blocks[0]!["thinking"]!, Is.EqualTo(ScriptedServer.Thought));
            Assert.That((string)blocks[1]!["text"]!, Is.EqualTo("One moment."));
            Assert.That((string)call["name"]!, Is.EqualTo("weather"));
            Assert.That(call["input"]!.AsObject().Select(field => (field.Key, (string)field.Value!)), Is.EqualTo(new[] { ("city", ScriptedServer.City) }));
            Assert.That((string)first["stop_reason"]!, Is.EqualTo("tool_use"));
            Assert.That((string)second["content"]!.AsArray()[^1]!["text"]!, Is.EqualTo("The sun shines."));
            Assert.That((string)second["stop_reason"]!, Is.EqualTo("end_turn"));
        });
    }

    [TestCase(""", "tool_choice": {"type": "none"}""", "Hello, you.")]
    [TestCase(""", "thinking": {"type": "disabled"}, "no_soft_thinking": true""", "At once.")]
    public async Task Messages_OfOtherKindsHaveNoCall(string more, string expected)
    {
        string tools = more.Contains("thinking", StringComparison.Ordinal) ? "" : $", \"tools\": {Tool}";
        JsonElement reply = await _server.AskAsync("/v1/messages", $$"""{"max_tokens": 50, "messages": [{{Question}}]{{tools}}{{more}}}""");
        Assert.That(reply.GetProperty("content").EnumerateArray().Last().GetProperty("text").GetString(), Is.EqualTo(expected));
    }

    /// <summary>Nobody may execute a call whose arguments are cut off.</summary>
    [Test]
    public async Task Calls_ThatAreCutOffAreNotComplete()
    {
        JsonElement whole = await RespondAsync([JsonNode.Parse(Question)], stream: false);
        int limit = whole.GetProperty("usage").GetProperty("output_tokens").GetInt32() - 5; // the value, a brace, a line, the end mark, the end of text
        JsonElement response = await _server.AskAsync("/v1/responses", $$"""{"max_output_tokens": {{limit}}, "input": [{{Question}}], "tools": {{FlatTool}}}""");
        JsonElement message = await _server.AskAsync("/v1/messages", $$"""{"max_tokens": {{limit}}, "messages": [{{Question}}], "tools": {{Tool}}}""");
        JsonElement call = response.GetProperty("output").EnumerateArray().Last();
        Assert.Multiple(() =>
        {
            Assert.That(ResponseEvents.TypeOf(call), Is.EqualTo("function_call"));
            Assert.That(call.GetProperty("arguments").GetString(), Is.EqualTo("""{"ci"""));
            Assert.That(call.GetProperty("status").GetString(), Is.EqualTo("incomplete"));
            Assert.That(response.GetProperty("status").GetString(), Is.EqualTo("incomplete"));
            Assert.That(message.GetProperty("stop_reason").GetString(), Is.EqualTo("max_tokens"));
            Assert.That(message.GetProperty("content").EnumerateArray().Last().GetProperty("input").EnumerateObject(), Is.Empty);
        });
    }

    private async Task<JsonElement> RespondAsync(JsonArray input, bool stream)
    {
        string request = $$"""{"input": {{input.ToJsonString()}}, "tools": {{FlatTool}}, "stream": {{(stream ? "true" : "false")}}}""";
        return stream ? ResponseEvents.Check(await _server.StreamAsync("/v1/responses", request)) : await _server.AskAsync("/v1/responses", request);
    }

    private async Task<JsonObject> AnswerAsync(JsonArray messages, bool stream)
    {
        string request = $$"""{"max_tokens": 100, "messages": {{messages.ToJsonString()}}, "tools": {{Tool}}, "stream": {{(stream ? "true" : "false")}}}""";
        return stream
            ? MessageEvents.Check(await _server.StreamAsync("/v1/messages", request))
            : JsonNode.Parse((await _server.AskAsync("/v1/messages", request)).GetRawText())!.AsObject();
    }
}
