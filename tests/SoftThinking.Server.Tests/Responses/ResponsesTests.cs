using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Responses;

public class ResponsesTests
{
    private const string Path = "/v1/responses", Question = "\"What is 47 + 85 - 19?\"";

    private static TestServer Server => SharedServer.Instance;

    [Test]
    public async Task Reply_IsThatOfChatCompletions()
    {
        JsonElement reply = await Server.AskAsync(Path, $$"""{"model": "tiny-reasoner", "seed": 3, "instructions": "Be brief.", "input": {{Question}}}""");
        JsonElement chat = await Server.AskAsync("/v1/chat/completions",
            $$"""{"seed": 3, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": {{Question}}}]}""");
        JsonElement message = chat.GetProperty("choices")[0].GetProperty("message");
        JsonElement[] items = [.. reply.GetProperty("output").EnumerateArray()];
        JsonElement usage = reply.GetProperty("usage"), expected = chat.GetProperty("usage");
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("object").GetString(), Is.EqualTo("response"));
            Assert.That(reply.GetProperty("status").GetString(), Is.EqualTo("completed"));
            Assert.That(reply.GetProperty("seed").GetInt32(), Is.EqualTo(3));
            Assert.That(items.Select(ResponseEvents.TypeOf), Is.EqualTo(new[] { "reasoning", "message" }));
            Assert.That(items[0].GetProperty("summary")[0].GetProperty("text").GetString(), Is.EqualTo(message.GetProperty("reasoning_content").GetString()));
            Assert.That(items[0].GetProperty("content")[0].GetProperty("text").GetString(), Is.EqualTo(message.GetProperty("reasoning_content").GetString()));
            Assert.That(items[1].GetProperty("content")[0].GetProperty("text").GetString(), Is.EqualTo(message.GetProperty("content").GetString()));
            Assert.That(items[1].GetProperty("content")[0].GetProperty("annotations").GetArrayLength(), Is.Zero);
            Assert.That(usage.GetProperty("input_tokens").GetInt32(), Is.EqualTo(expected.GetProperty("prompt_tokens").GetInt32()));
            Assert.That(usage.GetProperty("output_tokens").GetInt32(), Is.EqualTo(expected.GetProperty("completion_tokens").GetInt32()));
            Assert.That(usage.GetProperty("total_tokens").GetInt32(), Is.EqualTo(expected.GetProperty("total_tokens").GetInt32()));
            Assert.That(usage.GetProperty("output_tokens_details").GetProperty("reasoning_tokens").GetInt32(),
                Is.EqualTo(expected.GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32()));
            Assert.That(usage.GetProperty("input_tokens_details").TryGetProperty("cached_tokens", out _));
        });
    }

    [TestCase("")]
    [TestCase(""", "reasoning": {"summary": "auto"}""")]
    [TestCase(""", "include_reasoning": false""")]
    [TestCase(""", "return_concept_tokens": true""")]
    [TestCase(""", "max_output_tokens": 9""")]
    [TestCase(""", "max_output_tokens": 1, "return_token_ids": true""")]
    public async Task Stream_AddsUpToTheReply(string more)
    {
        string request = $$"""{"seed": 5, "temperature": 1.2, "input": {{Question}}{{more}}""";
        JsonElement whole = await Server.AskAsync(Path, request + "}");
        JsonElement streamed = ResponseEvents.Check(await Server.StreamAsync(Path, request + """, "stream": true}"""));
        Assert.That(WithoutIds(streamed), Is.EqualTo(WithoutIds(whole)));
    }

    [TestCase("", "response.reasoning_text.delta", "response.reasoning_summary_text.delta")]
    [TestCase(""", "reasoning": {"summary": "auto", "effort": null}""", "response.reasoning_summary_text.delta", "response.reasoning_text.delta")]
    public async Task Thought_IsSentOnce(string more, string sent, string other)
    {
        List<(string? Name, string Data)> events = await Server.StreamAsync(Path, $$"""{"seed": 0, "stream": true, "input": {{Question}}{{more}}}""");
        Assert.Multiple(() =>
        {
            Assert.That(events.Select(one => one.Name), Does.Contain(sent));
            Assert.That(events.Select(one => one.Name), Does.Not.Contain(other));
        });
    }

    [Test]
    public async Task ConceptTokens_AreOnItemsAndDeltas()
    {
        string request = $$"""{"seed": 0, "return_concept_tokens": true, "input": {{Question}}""";
        JsonElement reply = await Server.AskAsync(Path, request + "}");
        JsonElement[] tokens = [.. reply.GetProperty("output").EnumerateArray().SelectMany(item => item.GetProperty("concept_tokens").EnumerateArray())];
        List<(string? Name, string Data)> events = await Server.StreamAsync(Path, request + """, "stream": true}""");
        IEnumerable<JsonElement> deltas = events.Where(one => one.Name!.EndsWith(".delta", StringComparison.Ordinal)).Select(one => JsonElement.Parse(one.Data));
        Assert.Multiple(() =>
        {
            Assert.That(tokens, Has.Length.EqualTo(reply.GetProperty("usage").GetProperty("output_tokens").GetInt32()));
            Assert.That(tokens.Any(token => token.GetProperty("ids").GetArrayLength() > 1));
            Assert.That(deltas.SelectMany(delta => delta.GetProperty("concept_tokens").EnumerateArray()).Select(token => token.GetRawText()),
                Is.EqualTo(tokens.Select(token => token.GetRawText())));
        });
    }

    [Test]
    public async Task Limit_MakesTheResponseIncomplete()
    {
        JsonElement reply = await Server.AskAsync(Path, $$"""{"seed": 0, "max_output_tokens": 5, "input": {{Question}}}""");
        JsonElement item = reply.GetProperty("output").EnumerateArray().Single();
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("status").GetString(), Is.EqualTo("incomplete"));
            Assert.That(reply.GetProperty("incomplete_details").GetProperty("reason").GetString(), Is.EqualTo("max_output_tokens"));
            Assert.That(item.GetProperty("status").GetString(), Is.EqualTo("incomplete"));
        });
    }

    [TestCase("\"\"")]
    [TestCase("[]")]
    [TestCase("""[{"type": "reasoning", "summary": []}]""")]
    public async Task EmptyInput_IsAProbe(string input)
    {
        JsonElement reply = await Server.AskAsync(Path, $$"""{"input": {{input}}, "max_output_tokens": 1}""");
        Assert.That(reply.GetProperty("usage").GetProperty("output_tokens").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public async Task FieldsWithoutEffect_AreAccepted() => await Server.AskAsync(Path,
        """
        {"input": "a", "max_output_tokens": 1, "store": true, "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}, "truncation": "auto", "parallel_tool_calls": true,
         "prompt_cache_key": "k", "client_metadata": {}, "service_tier": "auto", "background": false, "previous_response_id": null, "text": {"format": {"type": "text"}, "verbosity": "low"},
         "tools": [{"type": "web_search"}, {"type": "custom", "name": "apply_patch"}, {"type": "namespace", "name": "n", "tools": []}], "tool_choice": "auto", "top_logprobs": 0}
        """);

    [TestCase("none", 0)]
    [TestCase("low", 1)]
    public async Task Effort_NoneTurnsThinkingOff(string effort, int least)
    {
        JsonElement reply = await Server.AskAsync(Path, $$"""{"seed": 0, "max_output_tokens": 40, "reasoning": {"effort": "{{effort}}"}, "input": {{Question}}}""");
        Assert.That(reply.GetProperty("output").EnumerateArray().Count(item => ResponseEvents.TypeOf(item) == "reasoning"), Is.EqualTo(least));
    }

    [TestCase("""{}""", "input")]
    [TestCase("""{"input": 1}""", "input")]
    [TestCase("""{"input": [1]}""", "input[0]")]
    [TestCase("""{"input": [{"type": 1}]}""", "input[0].type")]
    [TestCase("""{"input": [{"type": "item_reference", "id": "x"}]}""", "input[0].type")]
    [TestCase("""{"input": [{"role": "user"}]}""", "input[0].content")]
    [TestCase("""{"input": [{"content": "a"}]}""", "input[0].role")]
    [TestCase("""{"input": [{"role": "tool", "content": "a"}]}""", "input[0].role")]
    [TestCase("""{"input": [{"role": "user", "content": 1}]}""", "input[0].content")]
    [TestCase("""{"input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "x"}]}]}""", "input[0].content[1].type")]
    [TestCase("""{"input": [{"role": "user", "content": [{"type": "input_text"}]}]}""", "input[0].content[0].text")]
    [TestCase("""{"input": [{"role": "user", "content": "\ud800"}]}""", "input[0].content")]
    [TestCase("""{"input": ["a", {"type": "reasoning", "summary": "x"}]}""", "input[0]")]
    [TestCase("""{"input": [{"type": "reasoning", "summary": [{"type": "text", "text": "x"}]}]}""", "input[0].summary[0].type")]
    [TestCase("""{"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}""", "input[0].call_id")]
    [TestCase("""{"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": {}}]}""", "input[0].arguments")]
    [TestCase("""{"input": [{"type": "function_call_output", "call_id": "c"}]}""", "input[0].output")]
    [TestCase("""{"input": [{"type": "additional_tools", "tools": [{"type": "function"}]}]}""", "input[0].tools[0].name")]
    [TestCase("""{"input": "a", "instructions": 1}""", "instructions")]
    [TestCase("""{"input": "a", "tools": {}}""", "tools")]
    [TestCase("""{"input": "a", "tools": [1]}""", "tools[0]")]
    [TestCase("""{"input": "a", "tools": [{"type": "function", "name": ""}]}""", "tools[0].name")]
    [TestCase("""{"input": "a", "tools": [{"type": "function", "name": "f", "parameters": []}]}""", "tools[0].parameters")]
    [TestCase("""{"input": "a", "tools": [{"type": "function", "name": "f", "parameters": {"x": NaN}}]}""", "tools[0].parameters.x")]
    [TestCase("""{"input": "a", "tools": [{"type": "function", "name": "f"}]}""", "tools")]
    [TestCase("""{"input": "a", "tool_choice": "required"}""", "tool_choice")]
    [TestCase("""{"input": "a", "tool_choice": {"type": "function", "name": "f"}}""", "tool_choice")]
    [TestCase("""{"input": "a", "max_output_tokens": 0}""", "max_output_tokens")]
    [TestCase("""{"input": "a", "temperature": -1}""", "temperature")]
    [TestCase("""{"input": "a", "reasoning": {"effort": "huge"}}""", "reasoning.effort")]
    [TestCase("""{"input": "a", "reasoning": {"efort": "low"}}""", "reasoning.efort")]
    [TestCase("""{"input": "a", "reasoning": {"summary": 1}}""", "reasoning.summary")]
    [TestCase("""{"input": "a", "reasoning": "high"}""", "reasoning")]
    [TestCase("""{"input": "a", "text": {"format": {"type": "json_object"}}}""", "text.format")]
    [TestCase("""{"input": "a", "previous_response_id": "resp_1"}""", "previous_response_id")]
    [TestCase("""{"input": "a", "conversation": "conv_1"}""", "conversation")]
    [TestCase("""{"input": "a", "prompt": {"id": "p"}}""", "prompt")]
    [TestCase("""{"input": "a", "background": true}""", "background")]
    [TestCase("""{"input": "a", "top_logprobs": 3}""", "top_logprobs")]
    [TestCase("""{"input": "a", "max_topk": 1025}""", "max_topk")]
    [TestCase("""{"input": "a", "stream": "yes"}""", "stream")]
    [TestCase("""{"input": "a", "inputs": "b"}""", "inputs")]
    public async Task Errors_NameTheField(string request, string field)
    {
        (int status, JsonElement reply) = await Server.FailAsync(Path, request);
        JsonElement error = reply.GetProperty("error");
        Assert.Multiple(() =>
        {
            Assert.That(status, Is.EqualTo(400));
            Assert.That(error.GetProperty("param").GetString(), Is.EqualTo(field));
            Assert.That(error.GetProperty("message").GetString(), Is.Not.Empty);
        });
    }

    [Test]
    public async Task Errors_OfTheEngineNameItsFieldsHere()
    {
        (int status, JsonElement reply) = await Server.FailAsync(Path, $$"""{"input": "{{new string('7', 5000)}}"}""");
        Assert.Multiple(() =>
        {
            Assert.That(status, Is.EqualTo(400));
            Assert.That(reply.GetProperty("error").GetProperty("param").GetString(), Is.EqualTo("input"));
            Assert.That(reply.GetProperty("error").GetProperty("code").GetString(), Is.EqualTo("context_length_exceeded"));
        });
    }

    /// <summary>A response without what differs between two of them.</summary>
    private static string WithoutIds(JsonElement response)
    {
        string id = response.GetProperty("id").GetString()!["resp_".Length..];
        return string.Join('\n', response.EnumerateObject()
            .Where(property => property.Name is not ("created_at" or "usage"))
            .Append(response.GetProperty("usage").EnumerateObject().Single(property => property.Name == "output_tokens")) // others depend on the cache
            .Select(property => property.ToString().Replace(id, "", StringComparison.Ordinal)));
    }
}
