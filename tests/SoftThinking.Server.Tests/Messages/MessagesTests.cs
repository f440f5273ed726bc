using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Messages;

public class MessagesTests
{
    private const string Path = "/v1/messages", Question = """[{"role": "user", "content": "What is 47 + 85 - 19?"}]""";

    private static TestServer Server => SharedServer.Instance;

    [Test]
    public async Task Reply_IsThatOfChatCompletions()
    {
        JsonElement reply = await Server.AskAsync(Path,
            $$"""{"model": "tiny-reasoner", "seed": 3, "max_tokens": 400, "system": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}], "messages": {{Question}}}""");
        JsonElement chat = await Server.AskAsync("/v1/chat/completions",
            """{"seed": 3, "max_tokens": 400, "messages": [{"role": "system", "content": "Be\nbrief."}, {"role": "user", "content": "What is 47 + 85 - 19?"}]}""");
        JsonElement message = chat.GetProperty("choices")[0].GetProperty("message");
        JsonElement[] blocks = [.. reply.GetProperty("content").EnumerateArray()];
        JsonElement usage = reply.GetProperty("usage"), expected = chat.GetProperty("usage");
        Assert.Multiple(() =>
        {
            Assert.That(MessageEvents.TypeOf(reply), Is.EqualTo("message"));
            Assert.That(reply.GetProperty("role").GetString(), Is.EqualTo("assistant"));
            Assert.That(reply.GetProperty("stop_reason").GetString(), Is.EqualTo("end_turn"));
            Assert.That(reply.GetProperty("stop_sequence").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(blocks.Select(MessageEvents.TypeOf), Is.EqualTo(new[] { "thinking", "text" }));
            Assert.That(blocks[0].GetProperty("thinking").GetString(), Is.EqualTo(message.GetProperty("reasoning_content").GetString()));
            Assert.That(blocks[0].GetProperty("signature").GetString(), Has.Length.EqualTo(44));
            Assert.That(blocks[1].GetProperty("text").GetString(), Is.EqualTo(message.GetProperty("content").GetString()));
            Assert.That(PromptTokens(usage), Is.EqualTo(expected.GetProperty("prompt_tokens").GetInt32()));
            Assert.That(usage.GetProperty("output_tokens").GetInt32(), Is.EqualTo(expected.GetProperty("completion_tokens").GetInt32()));
            Assert.That(usage.GetProperty("output_tokens_details").GetProperty("thinking_tokens").GetInt32(),
                Is.EqualTo(expected.GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32()));
        });
    }

    [TestCase("")]
    [TestCase(""", "max_tokens": 9""")]
    [TestCase(""", "max_tokens": 1""")]
    [TestCase(""", "include_reasoning": false""")]
    [TestCase(""", "thinking": {"type": "enabled", "budget_tokens": 3}""")]
    [TestCase(""", "thinking": {"type": "adaptive", "display": "omitted"}""")]
    public async Task Stream_AddsUpToTheReply(string more)
    {
        string limit = more.Contains("max_tokens", StringComparison.Ordinal) ? "" : "\"max_tokens\": 400, ";
        string request = $$"""{"seed": 5, "temperature": 1.2, {{limit}}"messages": {{Question}}{{more}}""";
        JsonElement whole = await Server.AskAsync(Path, request + "}");
        JsonObject streamed = MessageEvents.Check(await Server.StreamAsync(Path, request + """, "stream": true}"""));
        JsonObject expected = JsonNode.Parse(whole.GetRawText())!.AsObject();
        expected["id"] = streamed["id"]!.DeepClone();
        foreach (JsonObject message in new[] { expected, streamed })
            message["usage"] = message["usage"]!["output_tokens"]!.DeepClone(); // the others depend on the cache
        Assert.That(streamed.ToJsonString(), Is.EqualTo(expected.ToJsonString()));
    }

    [Test]
    public async Task MessageStart_HasThePromptsTokens()
    {
        List<(string? Name, string Data)> events = await Server.StreamAsync(Path, $$"""{"max_tokens": 1, "stream": true, "messages": {{Question}}}""");
        JsonElement count = await Server.AskAsync(Path + "/count_tokens", $$"""{"messages": {{Question}}}""");
        JsonElement start = JsonElement.Parse(events[0].Data).GetProperty("message").GetProperty("usage");
        JsonElement end = JsonElement.Parse(events.Single(one => one.Name == "message_delta").Data).GetProperty("usage");
        Assert.Multiple(() =>
        {
            Assert.That(start.GetProperty("input_tokens").GetInt32(), Is.EqualTo(count.GetProperty("input_tokens").GetInt32()));
            Assert.That(PromptTokens(end), Is.EqualTo(count.GetProperty("input_tokens").GetInt32()));
        });
    }

    [Test]
    public async Task ConceptTokens_AreOnBlocksAndDeltas()
    {
        string request = $$"""{"seed": 0, "max_tokens": 400, "return_concept_tokens": true, "messages": {{Question}}""";
        JsonElement reply = await Server.AskAsync(Path, request + "}");
        JsonElement[] tokens = [.. reply.GetProperty("content").EnumerateArray().SelectMany(block => block.GetProperty("concept_tokens").EnumerateArray())];
        List<(string? Name, string Data)> events = await Server.StreamAsync(Path, request + """, "stream": true}""");
        IEnumerable<JsonElement> streamed = events.Select(one => JsonElement.Parse(one.Data))
            .Where(data => data.TryGetProperty("concept_tokens", out _))
            .SelectMany(data => data.GetProperty("concept_tokens").EnumerateArray());
        Assert.Multiple(() =>
        {
            Assert.That(tokens, Has.Length.EqualTo(reply.GetProperty("usage").GetProperty("output_tokens").GetInt32()));
            Assert.That(streamed.Select(token => token.GetRawText()), Is.EqualTo(tokens.Select(token => token.GetRawText())));
        });
    }

    [Test]
    public async Task StopSequence_IsNamed()
    {
        JsonElement whole = await Server.AskAsync(Path, $$"""{"seed": 0, "max_tokens": 400, "messages": {{Question}}}""");
        string answer = whole.GetProperty("content")[1].GetProperty("text").GetString()!, stop = answer[1..3];
        JsonElement reply = await Server.AskAsync(Path, $$"""{"seed": 0, "max_tokens": 400, "stop_sequences": ["{{stop}}"], "messages": {{Question}}}""");
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("stop_reason").GetString(), Is.EqualTo("stop_sequence"));
            Assert.That(reply.GetProperty("stop_sequence").GetString(), Is.EqualTo(stop));
            Assert.That(reply.GetProperty("content")[1].GetProperty("text").GetString(), Is.EqualTo(answer[..answer.IndexOf(stop, StringComparison.Ordinal)]));
        });
    }

    [TestCase(""", "thinking": {"type": "disabled"}""", 0)]
    [TestCase(""", "thinking": {"type": "disabled"}, "output_config": {"effort": "high"}""", 0)]
    [TestCase(""", "thinking": {"type": "enabled", "budget_tokens": 4}""", 4)]
    [TestCase(""", "thinking": {"type": "enabled", "budget_tokens": 4}, "output_config": {"effort": "max"}""", 4)]
    public async Task Thinking_HasABudget(string more, int thoughts)
    {
        JsonElement reply = await Server.AskAsync(Path, $$"""{"seed": 0, "max_tokens": 40, "return_concept_tokens": true, "messages": {{Question}}{{more}}}""");
        IEnumerable<JsonElement> tokens = reply.GetProperty("content").EnumerateArray().SelectMany(block => block.GetProperty("concept_tokens").EnumerateArray());
        Assert.That(tokens.Count(token => token.GetProperty("thinking").GetBoolean() && !token.GetProperty("marker").GetBoolean()), Is.EqualTo(thoughts));
    }

    [Test]
    public async Task FieldsWithoutEffect_AreAccepted() => await Server.AskAsync(Path + "?beta=true",
        $$"""
        {"max_tokens": 1, "metadata": {"user_id": "u"}, "service_tier": "auto", "speed": "fast", "context_management": {"edits": []}, "container": null, "betas": [],
         "cache_control": {"type": "ephemeral"}, "tools": [{"type": "web_search_20250305", "name": "web_search"}], "tool_choice": {"type": "auto"},
         "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"} }], "output_config": {"effort": "medium", "format": null}, "messages": {{Question}}}
        """);

    [TestCase("""{"max_tokens": 1}""", "messages")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}]}""", "max_tokens")]
    [TestCase("""{"max_tokens": 0, "messages": [{"role": "user", "content": "a"}]}""", "max_tokens")]
    [TestCase("""{"max_tokens": 1, "messages": "a"}""", "messages")]
    [TestCase("""{"max_tokens": 1, "messages": []}""", "messages")]
    [TestCase("""{"max_tokens": 1, "messages": [1]}""", "messages[0]")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "tool", "content": "a"}]}""", "messages[0].role")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user"}]}""", "messages[0].content")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": []}]}""", "messages[0].content")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": [{"text": "a"}]}]}""", "messages[0].content[0].type")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "source": {}}]}]}""", "messages[0].content[1].type")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}]}""", "messages[0].content[0].type")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "tool_result", "content": "a"}]}]}""", "messages[0].content[0].tool_use_id")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image"}]}]}]}""", "messages[0].content[0].content[0].type")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "is_error": 1}]}]}""", "messages[0].content[0].is_error")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]}]}""", "messages[0].content[0].input")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "assistant", "content": [{"type": "thinking"}]}]}""", "messages[0].content[0].thinking")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}""", "messages")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "system": [{"type": "image"}]}""", "system[0].type")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "stop_sequences": [1]}""", "stop_sequences[0]")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "top_p": 2}""", "top_p")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "tools": [{"name": "f", "input_schema": 1}]}""", "tools[0].input_schema")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "tools": [{"name": "f", "input_schema": {}}]}""", "tools")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "tool_choice": {"type": "any"}}""", "tool_choice.type")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "tool_choice": "auto"}""", "tool_choice")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "thinking": {"budget_tokens": 1}}""", "thinking.type")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "thinking": {"type": "enabled", "budget_tokens": -1}}""", "thinking.budget_tokens")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "output_config": {"format": {"type": "json_schema"}}}""", "output_config.format")]
    [TestCase("""{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}], "mesages": []}""", "mesages")]
    public async Task Errors_NameTheField(string request, string field)
    {
        (int status, JsonElement reply) = await Server.FailAsync(Path, request);
        Assert.Multiple(() =>
        {
            Assert.That(status, Is.EqualTo(400));
            Assert.That(MessageEvents.TypeOf(reply), Is.EqualTo("error"));
            Assert.That(MessageEvents.TypeOf(reply.GetProperty("error")), Is.EqualTo("invalid_request_error"));
            Assert.That(reply.GetProperty("error").GetProperty("message").GetString(), Does.Match($@"(^|[\s""]){System.Text.RegularExpressions.Regex.Escape(field)}([\s"":]|$)"));
        });
    }

    [TestCase("/v1/messages", """{"max_tokens": 1, "model": "other", "messages": [{"role": "user", "content": "a"}]}""", 404, "not_found_error")]
    [TestCase("/v1/messages/count_tokens", """{"model": "other", "messages": [{"role": "user", "content": "a"}]}""", 404, "not_found_error")]
    [TestCase("/v1/messages/count_tokens", """{"messages": [{"role": "user", "content": 1}]}""", 400, "invalid_request_error")]
    [TestCase("/v1/messages/batches", """{}""", 404, "not_found_error")]
    public async Task Errors_HaveTypesByStatus(string path, string request, int status, string type)
    {
        (int actual, JsonElement reply) = await Server.FailAsync(path, request);
        Assert.Multiple(() =>
        {
            Assert.That(actual, Is.EqualTo(status));
            Assert.That(MessageEvents.TypeOf(reply.GetProperty("error")), Is.EqualTo(type));
        });
    }

    [Test]
    public async Task Errors_OfKeysAndSizes()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { ApiKeys = ["secret"], MaxBodyBytes = 1000 });
        (int unauthorized, JsonElement noKey) = await server.FailAsync(Path, "{}");
        server.Http.DefaultRequestHeaders.Add("x-api-key", "secret");
        (int tooLarge, JsonElement large) = await server.FailAsync(Path, $$"""{"system": "{{new string('a', 2000)}}"}""");
        Assert.Multiple(() =>
        {
            Assert.That((unauthorized, MessageEvents.TypeOf(noKey.GetProperty("error"))), Is.EqualTo((401, "authentication_error")));
            Assert.That((tooLarge, MessageEvents.TypeOf(large.GetProperty("error"))), Is.EqualTo((413, "request_too_large")));
        });
    }

    /// <summary>The API counts cached tokens apart.</summary>
    private static int PromptTokens(JsonElement usage) =>
        usage.GetProperty("input_tokens").GetInt32() + usage.GetProperty("cache_read_input_tokens").GetInt32() + usage.GetProperty("cache_creation_input_tokens").GetInt32();
}
