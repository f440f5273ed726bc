using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.OpenAi;

public class ChatCompletionsTests
{
    private const string Path = "/v1/chat/completions";

    private static TestServer Server => SharedServer.Instance;

    [Test]
    public async Task Reply_HasThoughtAnswerAndUsage()
    {
        JsonElement reply = await Server.AskAsync(Path, """{"model": "tiny-reasoner", "seed": 0, "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}""");
        GenerationResult alone = await Server.Engine.GenerateAsync(GenerationRequest.FromQuestion("What is 47 + 85 - 19?") with { Sampling = new SamplingOptions { Seed = 0 } });
        JsonElement message = reply.GetProperty("choices")[0].GetProperty("message");
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("object").GetString(), Is.EqualTo("chat.completion"));
            Assert.That(message.GetProperty("content").GetString(), Is.EqualTo(alone.Answer));
            Assert.That(message.GetProperty("reasoning_content").GetString(), Is.EqualTo(alone.Thinking));
            Assert.That(message.TryGetProperty("reasoning", out _), Is.False, "clients that read both would show the thought twice");
            Assert.That(reply.GetProperty("choices")[0].GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
            Assert.That(reply.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(alone.Samples[0].Usage.CompletionTokens));
            Assert.That(reply.GetProperty("usage").GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32(),
                Is.EqualTo(alone.Samples[0].Usage.ThinkingTokens));
        });
    }

    [Test]
    public async Task Stream_AddsUpToTheReply()
    {
        const string Request = """{"seed": 5, "temperature": 1.2, "n": 3, "messages": [{"role": "user", "content": "Compute 40 + 7."}]""";
        JsonElement whole = await Server.AskAsync(Path, Request + "}");
        List<(string? Name, string Data)> events = await Server.StreamAsync(Path, Request + """, "stream": true, "stream_options": {"include_usage": true}}""");
        Assert.That(events[^1].Data, Is.EqualTo("[DONE]"));
        string[] contents = ["", "", ""], thoughts = ["", "", ""], reasons = ["", "", ""];
        JsonElement usage = default;
        foreach ((_, string data) in events.SkipLast(1))
        {
            JsonElement chunk = JsonElement.Parse(data);
            foreach (JsonElement choice in chunk.GetProperty("choices").EnumerateArray())
            {
                int index = choice.GetProperty("index").GetInt32();
                JsonElement delta = choice.GetProperty("delta");
                contents[index] += delta.TryGetProperty("content", out JsonElement content) ? content.GetString() : "";
                thoughts[index] += delta.TryGetProperty("reasoning_content", out JsonElement thought) ? thought.GetString() : "";
                reasons[index] += choice.GetProperty("finish_reason").GetString();
            }
            if (chunk.TryGetProperty("usage", out JsonElement last))
                usage = last;
        }
        Assert.Multiple(() =>
        {
            for (int i = 0; i < 3; i++)
            {
                JsonElement choice = whole.GetProperty("choices")[i];
                Assert.That(contents[i], Is.EqualTo(choice.GetProperty("message").GetProperty("content").GetString()));
                Assert.That(thoughts[i], Is.EqualTo(choice.GetProperty("message").GetProperty("reasoning_content").GetString()));
                Assert.That(reasons[i], Is.EqualTo(choice.GetProperty("finish_reason").GetString()));
            }
            Assert.That(usage.GetProperty("total_tokens").GetInt32(), Is.EqualTo(whole.GetProperty("usage").GetProperty("total_tokens").GetInt32()));
        });
    }

    [Test]
    public async Task ConceptTokens_HaveEntriesWithTexts()
    {
        JsonElement reply = await Server.AskAsync(Path, """{"seed": 0, "return_concept_tokens": true, "return_token_ids": true, "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}""");
        JsonElement choice = reply.GetProperty("choices")[0];
        JsonElement[] tokens = [.. choice.GetProperty("message").GetProperty("concept_tokens").EnumerateArray()];
        JsonElement mixture = tokens.First(token => token.GetProperty("ids").GetArrayLength() > 1);
        Assert.Multiple(() =>
        {
            Assert.That(tokens, Has.Length.EqualTo(reply.GetProperty("usage").GetProperty("completion_tokens").GetInt32()));
            Assert.That(choice.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32()), Is.EqualTo(tokens.Select(token => token.GetProperty("token").GetInt32())));
            Assert.That(mixture.GetProperty("texts").GetArrayLength(), Is.EqualTo(mixture.GetProperty("ids").GetArrayLength()));
            Assert.That(mixture.GetProperty("probs").EnumerateArray().Sum(p => p.GetDouble()), Is.EqualTo(1).Within(1e-5));
            Assert.That(mixture.GetProperty("entropy").GetDouble(), Is.GreaterThan(0));
            Assert.That(tokens.Count(token => token.TryGetProperty("thinking_end", out _)), Is.EqualTo(1));
        });
    }

    /// <summary>Many clients send every text as a list of parts, which few templates can read.</summary>
    [Test]
    public async Task PartsOfText_AreOneText()
    {
        JsonElement parts = await Server.AskAsync(Path, """{"seed": 0, "messages": [{"role": "user", "content": [{"type": "text", "text": "Compute"}, {"type": "text", "text": "40 + 7."}]}]}""");
        JsonElement text = await Server.AskAsync(Path, """{"seed": 0, "messages": [{"role": "user", "content": "Compute\n40 + 7."}]}""");
        Assert.That(parts.GetProperty("choices")[0].GetRawText(), Is.EqualTo(text.GetProperty("choices")[0].GetRawText()));
    }

    [TestCase("none", 0)]
    [TestCase("low", 1)]
    public async Task Effort_NoneTurnsThinkingOff(string effort, int least)
    {
        JsonElement reply = await Server.AskAsync(Path, $$"""{"seed": 0, "reasoning_effort": "{{effort}}", "max_tokens": 40, "messages": [{"role": "user", "content": "Compute 40 + 7."}]}""");
        JsonElement message = reply.GetProperty("choices")[0].GetProperty("message");
        Assert.That(message.TryGetProperty("reasoning_content", out JsonElement thought) ? thought.GetString()!.Length : 0, least > 0 ? Is.GreaterThan(0) : Is.Zero);
    }

    [Test]
    public async Task LogProbs_AreOfAnswerAndThought()
    {
        JsonElement reply = await Server.AskAsync(Path, """{"seed": 0, "logprobs": true, "top_logprobs": 2, "messages": [{"role": "user", "content": "Compute 40 + 7."}]}""");
        JsonElement logProbs = reply.GetProperty("choices")[0].GetProperty("logprobs");
        JsonElement first = logProbs.GetProperty("content")[0];
        Assert.Multiple(() =>
        {
            Assert.That(first.GetProperty("logprob").GetDouble(), Is.LessThanOrEqualTo(0));
            Assert.That(first.GetProperty("top_logprobs").GetArrayLength(), Is.EqualTo(2));
            Assert.That(first.GetProperty("bytes").GetArrayLength(), Is.GreaterThan(0));
            Assert.That(logProbs.GetProperty("reasoning_content").GetArrayLength(), Is.GreaterThan(0));
        });
    }

    [TestCase("""{"messages": []}""", 400, "messages")]
    [TestCase("""{}""", 400, "messages")]
    [TestCase("""[]""", 400, null)]
    [TestCase("""{"messages": [{"role": "user", "content": 1}]}""", 400, "messages[0].content")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "temprature": 1}""", 400, "temprature")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "n": 0}""", 400, "n")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "top_p": 2}""", 400, "top_p")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "top_logprobs": 2}""", 400, "top_logprobs")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "stop": [1]}""", 400, "stop[0]")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "logit_bias": {"x": 1}}""", 400, "logit_bias")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "reasoning_effort": "huge"}""", 400, "reasoning_effort")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "json_object"}}""", 400, "response_format")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function", "function": {"name": "f"}}]}""", 400, "tools")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "tool_choice": "required"}""", 400, "tool_choice")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "max_tokens": 0}""", 400, "max_tokens")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "response_format": {"type": "\ud800"}}""", 400, "response_format.type")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "beta": 1}""", 400, "beta")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "model": "other"}""", 404, "model")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "chat_template_kwargs": {"tools": 1}}""", 400, "chat_template_kwargs.tools")]
    [TestCase("""{"messages": [{"role": "user", "content": "a"}], "chat_template_kwargs": {"a": {"b": NaN}}}""", 400, "chat_template_kwargs.a")]
    public async Task Errors_NameTheField(string request, int status, string? field)
    {
        (int actual, JsonElement error) = await Server.FailAsync(Path, request);
        Assert.Multiple(() =>
        {
            Assert.That(actual, Is.EqualTo(status));
            Assert.That(error.GetProperty("error").GetProperty("param").GetString(), Is.EqualTo(field));
            Assert.That(error.GetProperty("error").GetProperty("message").GetString(), Is.Not.Empty);
        });
    }

    /// <summary>What only the engine can check has the name of the field, too, not of a property.</summary>
    [TestCase("\"strategy\": \"swireasoning\", \"max_topk\": 9, \"hard_ids\": [1, 100000]", "hard_ids contains id 100000, which is outside the vocabulary of ")]
    [TestCase("\"strategy\": \"swireasoning\", \"max_topk\": 9, \"start_blend_id\": 100000", "start_blend_id is 100000, which is outside the vocabulary of ")]
    [TestCase("\"strategy\": \"swireasoning\", \"max_topk\": 1024", "max_topk is 1024; the strategy swireasoning mixes at most 1023")]
    [TestCase("\"strategy\": \"swireasoning\", \"max_topk\": 9, \"max_switch_count\": 1, \"final_text\": \"LONG\"", "final_text is 200 tokens; the maximum is 64")]
    [TestCase("\"deer_trigger_ids\": [100000]", "deer_trigger_ids contains id 100000, which is outside the vocabulary of ")]
    [TestCase("\"deer_trigger_ids\": []", "deer_trigger_ids must name ids: ")]
    [TestCase("\"deer_trigger_ids\": [5], \"deer_probe_text\": \"\"", "deer_probe_text is empty; a probe needs a text")]
    [TestCase("\"deer_trigger_ids\": [5], \"deer_exit_text\": \"LONG\"", "deer_exit_text is 200 tokens; the maximum is 64")]
    [TestCase("\"eat_probe_text\": \"LONG\"", "eat_probe_text is 200 tokens; the maximum is 64")]
    [TestCase("\"think_end_text\": \"LONG\"", "think_end_text is 200 tokens; the maximum is 64")]
    [TestCase("\"think_start_str\": \"LONG\"", "think_start_str '")]
    [TestCase("\"think_end_str\": \"LONG\"", "think_end_str '")]
    [TestCase("\"logit_bias\": {\"100000\": 1}", "logit_bias names token 100000; ")]
    public async Task WhatDoesNotFitTheModel_NamesTheField(string fields, string message)
    {
        fields = fields.Replace("LONG", new string('x', 200), StringComparison.Ordinal);
        (int status, JsonElement reply) = await Server.FailAsync(Path, $$"""{"messages": [{"role": "user", "content": "a"}], {{fields}}}""");
        JsonElement error = reply.GetProperty("error");
        Assert.Multiple(() =>
        {
            Assert.That((status, error.GetProperty("param").GetString()), Is.EqualTo((400, message.Split(' ')[0])));
            Assert.That(error.GetProperty("message").GetString(), Does.StartWith(message));
        });
    }

    /// <summary>The template of this model fails on a turn without content. Where its file is on the server is not for clients to know.</summary>
    [Test]
    public async Task ErrorsOfTheTemplate_NameNoFile()
    {
        (int status, JsonElement error) = await Server.FailAsync(Path, """
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]}]}
            """);
        Assert.Multiple(() =>
        {
            Assert.That(status, Is.EqualTo(400));
            Assert.That(error.GetProperty("error").GetProperty("message").GetString(), Does.StartWith("the chat template, line ").And.Not.Contain("/"));
        });
    }
}
