using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.OpenAi;

public class CompletionsTests
{
    private const string Path = "/v1/completions", First = "What is 47 + 85 - 19?", Second = "Compute 40 + 7.";

    private static TestServer Server => SharedServer.Instance;

    private static JsonObject Body(JsonNode prompt, ulong seed = 0) => new() { ["prompt"] = prompt, ["seed"] = seed };

    private static Task<JsonElement> AskAsync(JsonObject body) => Server.AskAsync(Path, body.ToJsonString());

    [Test]
    public async Task Text_IsAllThatTheEngineWrites()
    {
        JsonElement reply = await AskAsync(Body(RawPrompt.Of(First), 3));
        GeneratedSample alone = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 3 });
        JsonElement choice = reply.GetProperty("choices")[0];
        Assert.Multiple(() =>
        {
            Assert.That(reply.GetProperty("object").GetString(), Is.EqualTo("text_completion"));
            Assert.That(reply.GetProperty("id").GetString(), Does.StartWith("cmpl-"));
            Assert.That(choice.GetProperty("text").GetString(), Is.EqualTo(alone.Text));
            Assert.That(alone.Text, Does.Contain("</think>").And.Contain(alone.Thinking).And.Contain(alone.Answer));
            Assert.That(choice.GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
            Assert.That(choice.GetProperty("thinking_end").GetString(), Is.EqualTo("model"));
            Assert.That(choice.GetProperty("logprobs").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(reply.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), Is.EqualTo(alone.Usage.PromptTokens));
            Assert.That(reply.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(alone.Usage.CompletionTokens));
        });
    }

    [Test]
    public async Task Prompts_OfTextOrIds_GiveTheirChoicesInOrder()
    {
        JsonObject texts = Body(new JsonArray(RawPrompt.Of(First), RawPrompt.Of(Second)), 5), ids = Body(new JsonArray(RawPrompt.JsonIdsOf(First), RawPrompt.JsonIdsOf(Second)), 5);
        (texts["n"], texts["temperature"], ids["n"], ids["temperature"]) = (2, 1.2, 2, 1.2);
        JsonElement ofTexts = await AskAsync(texts), ofIds = await AskAsync(ids), ofOne = await AskAsync(Body(RawPrompt.JsonIdsOf(Second)));
        FilterOptions filter = new() { Temperature = 1.2f };
        SamplingOptions sampling = new() { Thinking = filter with { MinP = 0.001f }, AfterThinking = filter };
        List<string> expected = [];
        foreach (string question in new[] { First, Second })
        {
            foreach (ulong seed in new ulong[] { 5, 6 })
                expected.Add((await RawPrompt.AskAsync(question, sampling with { Seed = seed })).Text);
        }
        Assert.Multiple(async () =>
        {
            Assert.That(TextsOf(ofTexts), Is.EqualTo(expected));
            Assert.That(TextsOf(ofIds), Is.EqualTo(expected));
            Assert.That(ofTexts.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("seed").GetInt32()),
                Is.EqualTo(new[] { 5, 6, 5, 6 }));
            Assert.That(TextsOf(ofOne), Is.EqualTo(new[] { (await RawPrompt.AskAsync(Second, new SamplingOptions { Seed = 0 })).Text }));
        });
    }

    [Test]
    public async Task Stream_AddsUpToTheReply()
    {
        JsonObject body = Body(new JsonArray(RawPrompt.Of(First), RawPrompt.Of(Second)), 7);
        (body["logprobs"], body["return_token_ids"], body["return_concept_tokens"]) = (1, true, true);
        JsonElement whole = await AskAsync(body);
        (body["stream"], body["stream_options"]) = (true, new JsonObject { ["include_usage"] = true });
        List<(string? Name, string Data)> events = await Server.StreamAsync(Path, body.ToJsonString());
        Assert.That(events[^1].Data, Is.EqualTo("[DONE]"));
        JsonElement[] chunks = [.. events.SkipLast(1).Select(next => JsonElement.Parse(next.Data))];
        foreach (string count in new[] { "prompt_tokens", "completion_tokens", "total_tokens" })
            Assert.That(UsageOf(chunks[^1], count), Is.EqualTo(UsageOf(whole, count)), count);
        for (int i = 0; i < 2; i++)
        {
            JsonElement choice = whole.GetProperty("choices")[i];
            JsonElement[] pieces =
            [
                .. chunks.SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray()).Where(piece => piece.GetProperty("index").GetInt32() == i),
            ];
            Assert.Multiple(() =>
            {
                Assert.That(string.Concat(pieces.Select(piece => piece.GetProperty("text").GetString())),
                    Is.EqualTo(choice.GetProperty("text").GetString()));
                Assert.That(Joined(pieces, "token_ids"), Is.EqualTo(Joined([choice], "token_ids")));
                Assert.That(Joined(pieces, "concept_tokens"), Is.EqualTo(Joined([choice], "concept_tokens")));
                foreach (string list in new[] { "tokens", "token_logprobs", "top_logprobs", "text_offset" })
                    Assert.That(Joined(LogProbsOf(pieces), list), Is.EqualTo(Joined(LogProbsOf([choice]), list)), list);
                Assert.That(pieces[^1].GetProperty("finish_reason").GetString(), Is.EqualTo(choice.GetProperty("finish_reason").GetString()));
                Assert.That(pieces[^1].GetProperty("thinking_end").GetString(), Is.EqualTo(choice.GetProperty("thinking_end").GetString()));
            });
        }
    }

    [Test]
    public async Task LogProbs_AreThoseOfTheEngine_WithOffsetsIntoTheText()
    {
        JsonObject body = Body(RawPrompt.Of(First));
        (body["logprobs"], body["return_token_ids"]) = (3, true);
        JsonElement choice = (await AskAsync(body)).GetProperty("choices")[0];
        GeneratedSample alone = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0 }, request => request with { LogProbs = 3 });
        JsonElement logProbs = choice.GetProperty("logprobs");
        string text = choice.GetProperty("text").GetString()!;
        Assert.Multiple(() =>
        {
            Assert.That(choice.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32()),
                Is.EqualTo(alone.Tokens.Select(token => token.Token.Token)));
            Assert.That(logProbs.GetProperty("token_logprobs").EnumerateArray().Select(value => value.GetSingle()),
                Is.EqualTo(alone.Tokens.Select(token => token.LogProbs!.Token)));
            Assert.That(logProbs.GetProperty("text_offset").GetArrayLength(), Is.EqualTo(alone.Tokens.Count));
            for (int i = 0; i < alone.Tokens.Count; i++)
            {
                int offset = logProbs.GetProperty("text_offset")[i].GetInt32();
                Assert.That(text[offset..], Does.StartWith(alone.Tokens[i].Text));
                JsonElement top = logProbs.GetProperty("top_logprobs")[i];
                string token = logProbs.GetProperty("tokens")[i].GetString()!;
                Assert.That(top.GetProperty(token).GetSingle(), Is.EqualTo(alone.Tokens[i].LogProbs!.Token), "the token itself is among the top");
                Assert.That(top.EnumerateObject().Count(), Is.InRange(3, 4));
            }
        });
    }

    [Test]
    public async Task Stop_MatchesInTheThought()
    {
        GeneratedSample free = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0 });
        string stop = free.Thinking[4..8];
        JsonObject body = Body(RawPrompt.Of(First));
        body["stop"] = stop;
        JsonElement choice = (await AskAsync(body)).GetProperty("choices")[0];
        Assert.Multiple(() =>
        {
            Assert.That(choice.GetProperty("text").GetString(), Is.EqualTo(free.Text[..free.Text.IndexOf(stop, StringComparison.Ordinal)]));
            Assert.That(choice.GetProperty("stop_reason").GetString(), Is.EqualTo(stop));
        });
    }

    [Test]
    public async Task SoftThinking_CanBeTurnedOff([Values] bool published)
    {
        JsonObject body = Body(RawPrompt.Of(First));
        body["return_concept_tokens"] = true;
        body[published ? "enable_soft_thinking" : "no_soft_thinking"] = !published;
        JsonElement choice = (await AskAsync(body)).GetProperty("choices")[0];
        GeneratedSample alone = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0, SoftThinking = false });
        Assert.Multiple(() =>
        {
            Assert.That(choice.GetProperty("text").GetString(), Is.EqualTo(alone.Text));
            Assert.That(choice.GetProperty("concept_tokens").EnumerateArray().Select(token => token.GetProperty("ids").GetArrayLength()),
                Is.All.EqualTo(1));
        });
    }

    [Test]
    public async Task HarmlessValues_AreAccepted()
    {
        JsonObject body = Body(RawPrompt.Of(Second));
        (body["echo"], body["best_of"], body["suffix"], body["user"], body["max_tokens"]) = (false, 1, null, "me", 3);
        JsonElement reply = await AskAsync(body);
        Assert.That(reply.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(3));
        Assert.That(reply.GetProperty("choices")[0].GetProperty("finish_reason").GetString(), Is.EqualTo("length"));
    }

    [TestCase("""{}""", "prompt")]
    [TestCase("""{"prompt": 1}""", "prompt")]
    [TestCase("""{"prompt": ""}""", "prompt")]
    [TestCase("""{"prompt": []}""", "prompt")]
    [TestCase("""{"prompt": ["a", ""]}""", "prompt[1]")]
    [TestCase("""{"prompt": ["a", 1]}""", "prompt[1]")]
    [TestCase("""{"prompt": [1, "a"]}""", "prompt[1]")]
    [TestCase("""{"prompt": [1, -1]}""", "prompt[1]")]
    [TestCase("""{"prompt": [1, 1000000]}""", "prompt[1]")]
    [TestCase("""{"prompt": [[1, 2], [3, 1.5]]}""", "prompt[1][1]")]
    [TestCase("""{"prompt": [[1, 2], [3, 1000000]]}""", "prompt[1][1]")]
    [TestCase("""{"prompt": [[1], []]}""", "prompt[1]")]
    [TestCase("""{"prompt": "a", "max_tokens": 0}""", "max_tokens")]
    [TestCase("""{"prompt": "a", "logprobs": 21}""", "logprobs")]
    [TestCase("""{"prompt": "a", "logprobs": true}""", "logprobs")]
    [TestCase("""{"prompt": "a", "echo": true}""", "echo")]
    [TestCase("""{"prompt": "a", "best_of": 2}""", "best_of")]
    [TestCase("""{"prompt": "a", "suffix": "b"}""", "suffix")]
    [TestCase("""{"prompt": "a", "top_p": 0}""", "top_p")]
    [TestCase("""{"prompt": "a", "max_topk": 1000}""", "max_topk")]
    [TestCase("""{"prompt": "a", "n": 257}""", "n")]
    [TestCase("""{"prompt": "a", "promt": "a"}""", "promt")]
    public async Task Errors_NameTheField(string request, string field)
    {
        (int status, JsonElement error) = await Server.FailAsync(Path, request);
        Assert.That((status, error.GetProperty("error").GetProperty("param").GetString()), Is.EqualTo((400, field)), error.GetRawText());
    }

    [Test]
    public async Task TooMuch_IsRefusedBeforeAnythingRuns()
    {
        string many = string.Join(", ", Enumerable.Repeat("\"a\"", 1025)), some = string.Join(", ", Enumerable.Repeat("\"a\"", 200));
        string longText = string.Concat(Enumerable.Repeat("1 + ", Server.Engine.ContextLength));
        (int Status, JsonElement Error)[] failures =
        [
            await Server.FailAsync(Path, $$"""{"prompt": [{{many}}]}"""),
            await Server.FailAsync(Path, $$"""{"prompt": [{{some}}], "n": 6}"""),
            await Server.FailAsync(Path, $$"""{"prompt": ["a", "{{longText}}"]}"""),
        ];
        Assert.Multiple(() =>
        {
            Assert.That(failures.Select(failure => failure.Status), Is.All.EqualTo(400));
            Assert.That(failures.Select(failure => failure.Error.GetProperty("error").GetProperty("param").GetString()),
                Is.EqualTo(new[] { "prompt", "prompt", "prompt[1]" }));
            Assert.That(failures[2].Error.GetProperty("error").GetProperty("code").GetString(), Is.EqualTo("context_length_exceeded"));
        });
    }

    private static int UsageOf(JsonElement reply, string count) => reply.GetProperty("usage").GetProperty(count).GetInt32();

    private static IEnumerable<string?> TextsOf(JsonElement reply) =>
        reply.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString());

    private static JsonElement[] LogProbsOf(IEnumerable<JsonElement> pieces) =>
        [.. pieces.Select(piece => piece.GetProperty("logprobs")).Where(logProbs => logProbs.ValueKind == JsonValueKind.Object)];

    /// <summary>The elements of a list that comes in pieces, as JSON.</summary>
    private static string[] Joined(JsonElement[] pieces, string list) =>
        [.. pieces.SelectMany(piece => piece.GetProperty(list).EnumerateArray()).Select(element => element.GetRawText())];
}
