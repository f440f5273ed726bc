using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Json;
using SoftThinking.Server.Native;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Tests.Native;

public class GenerateTests
{
    private const string Path = "/generate", First = "What is 47 + 85 - 19?", Second = "Compute 40 + 7.";

    private static TestServer Server => SharedServer.Instance;

    private static JsonObject Body(JsonObject? sampling = null)
    {
        JsonObject parameters = sampling ?? [];
        parameters["seed"] ??= 0;
        return new() { ["text"] = RawPrompt.Of(First), ["sampling_params"] = parameters };
    }

    private static Task<JsonElement> AskAsync(JsonObject body) => Server.AskAsync(Path, body.ToJsonString());

    [Test]
    public async Task Result_IsThatOfTheEngine()
    {
        JsonElement result = await AskAsync(Body());
        GeneratedSample alone = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0 });
        JsonElement meta = result.GetProperty("meta_info");
        Assert.Multiple(() =>
        {
            Assert.That(result.GetProperty("text").GetString(), Is.EqualTo(alone.Text));
            Assert.That(Numbers(result.GetProperty("output_ids")), Is.EqualTo(alone.Tokens.Select(token => token.Token.Token)));
            Assert.That(meta.GetProperty("finish_reason").GetProperty("type").GetString(), Is.EqualTo("stop"));
            Assert.That(meta.GetProperty("finish_reason").GetProperty("matched").GetInt32(), Is.EqualTo(alone.Stop!.TokenId));
            Assert.That(meta.GetProperty("prompt_tokens").GetInt32(), Is.EqualTo(alone.Usage.PromptTokens));
            Assert.That(meta.GetProperty("completion_tokens").GetInt32(), Is.EqualTo(alone.Usage.CompletionTokens));
            Assert.That(meta.GetProperty("cached_tokens").GetInt32(), Is.InRange(0, alone.Usage.PromptTokens));
            Assert.That(meta.GetProperty("weight_version").GetString(), Is.EqualTo("default"));
            Assert.That(meta.TryGetProperty("output_token_logprobs", out _), Is.False);
        });
    }

    [Test]
    public async Task ConceptTokens_AreRowsOfOneLength()
    {
        JsonElement meta = (await AskAsync(Body(new JsonObject { ["max_topk"] = 4 }))).GetProperty("meta_info");
        GeneratedSample alone = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0, MaxTopk = 4 });
        ConceptEntry[][] padded = [.. alone.Tokens.Select(token => (ConceptEntry[])[.. token.Token.Entries, .. new ConceptEntry[4 - token.Token.Count]])];
        Assert.Multiple(() =>
        {
            Assert.That(alone.Tokens.Select(token => token.Token.Count), Has.Some.GreaterThan(1).And.Some.EqualTo(1));
            Assert.That(Rows(meta, "output_topk_idx_list", id => id.GetInt32()), Is.EqualTo(padded.Select(row => row.Select(entry => entry.Id))));
            Assert.That(Rows(meta, "output_topk_prob_list", weight => weight.GetSingle()), Is.EqualTo(padded.Select(row => row.Select(entry => entry.Weight))));
        });
    }

    [TestCase("""{"strategy": "swireasoning", "window": 1, "max_topk": 40}""")]
    [TestCase("""{"beta": 2, "strategy": "mixture-of-inputs", "cusum_threshold": 100}""")]
    [TestCase("""{"strategy": "soft-grpo", "noise_clamp": [-1, 2], "max_topk": 4}""")]
    public async Task Records_AreThoseOfTheEngine(string sampling)
    {
        JsonObject body = Body(JsonNode.Parse(sampling)!.AsObject());
        (body["record"], body["sampling_params"]!["max_new_tokens"]) = (true, 12);
        JsonElement meta = (await AskAsync(body)).GetProperty("meta_info");
        GenerationResult alone = await Server.Engine.GenerateAsync(GenerationRequest.FromText(RawPrompt.Of(First)) with
        {
            Sampling = SamplingJson.Read(JsonElement.Parse(sampling), new SamplingOptions { Seed = 0 }),
            MaxNewTokens = 12,
            Record = true,
        });
        GeneratedToken[] tokens = [.. alone.Samples[0].Tokens];
        JsonElement[] records = [.. meta.GetProperty("output_records").EnumerateArray()];
        Assert.Multiple(() =>
        {
            Assert.That(records.Select(record => record.GetProperty("entropy_1").GetSingle()), Is.EqualTo(tokens.Select(token => token.Record!.Entropy1)));
            Assert.That(records.Select(record => record.GetProperty("log_prob").GetSingle()), Is.EqualTo(tokens.Select(token => token.Record!.LogProb)));
            Assert.That(records.Select(record => record.TryGetProperty("scores", out _)), Is.EqualTo(tokens.Select(token => token.Record!.Scores.Count > 0)));
            Assert.That(Rows(meta, "output_topk_idx_list", id => id.GetInt32()).Select((row, i) => row.Take(tokens[i].Token.Count)),
                Is.EqualTo(tokens.Select(token => token.Token.Entries.Select(entry => entry.Id))));
        });
    }

    [TestCase("""{"beta": 2}""", "beta is not a parameter of soft, but of mixture-of-inputs")]
    [TestCase("""{"strategy": "multiplex", "noise_scale": 2}""", "noise_scale is not a parameter of multiplex, but of latent-grpo, soft-grpo")]
    [TestCase("""{"strategy": "none"}""", "must be soft, gumbel, ")]
    [TestCase("""{"strategy": "swireasoning", "max_topk": 1024}""", "the strategy swireasoning mixes at most 1023")]
    public async Task AnotherStrategysParameter_IsRefused(string sampling, string error)
    {
        using HttpResponseMessage response = await Server.PostAsync(Path, Body(JsonNode.Parse(sampling)!.AsObject()).ToJsonString());
        Assert.That((int)response.StatusCode, Is.EqualTo(400));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain(error));
    }

    [Test]
    public async Task WithoutSoftThinking_ThereAreNoConceptTokens()
    {
        JsonElement result = await AskAsync(Body(new JsonObject { ["no_soft_thinking"] = true }));
        GeneratedSample alone = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0, SoftThinking = false });
        Assert.That(result.GetProperty("text").GetString(), Is.EqualTo(alone.Text));
        Assert.That(result.GetProperty("meta_info").TryGetProperty("output_topk_idx_list", out _), Is.False);
    }

    [Test]
    public async Task LogProbs_AreThoseOfTheEngine()
    {
        JsonObject body = Body();
        (body["return_logprob"], body["top_logprobs_num"], body["logprob_start_len"]) = (true, 2, RawPrompt.IdsOf(First).Length);
        JsonElement meta = (await AskAsync(body)).GetProperty("meta_info");
        GeneratedSample alone = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0 }, request => request with { LogProbs = 2 });
        Assert.Multiple(() =>
        {
            Assert.That(meta.GetProperty("input_token_logprobs").GetArrayLength(), Is.Zero);
            Assert.That(meta.GetProperty("output_token_logprobs").EnumerateArray().Select(Entry),
                Is.EqualTo(alone.Tokens.Select(token => (token.LogProbs!.Token, token.Token.Token))));
            Assert.That(meta.GetProperty("output_top_logprobs").EnumerateArray().Select(row => row.EnumerateArray().Select(Entry)),
                Is.EqualTo(alone.Tokens.Select(token => token.LogProbs!.Top.Select(top => (top.LogProb, top.Id)))));
        });
    }

    [Test]
    public async Task Batch_GivesAListInOrder([Values] bool ids)
    {
        JsonObject body = Body(new JsonObject { ["seed"] = 4, ["n"] = 2 });
        body["rid"] = "mine";
        if (ids)
        {
            body.Remove("text");
            body["input_ids"] = new JsonArray(RawPrompt.JsonIdsOf(First), RawPrompt.JsonIdsOf(Second));
        }
        else
        {
            body["text"] = new JsonArray(RawPrompt.Of(First), RawPrompt.Of(Second));
        }
        JsonElement results = await AskAsync(body);
        string[] expected = [];
        foreach (string question in new[] { First, Second })
        {
            foreach (ulong seed in new ulong[] { 4, 5 })
                expected = [.. expected, (await RawPrompt.AskAsync(question, new SamplingOptions { Seed = seed })).Text];
        }
        Assert.Multiple(() =>
        {
            Assert.That(results.EnumerateArray().Select(result => result.GetProperty("text").GetString()), Is.EqualTo(expected));
            Assert.That(results.EnumerateArray().Select(result => result.GetProperty("meta_info").GetProperty("id").GetString()),
                Is.EqualTo(new[] { "mine_0", "mine_1", "mine_2", "mine_3" }));
        });
    }

    [Test]
    public async Task ListOfOne_GivesAListOfOne()
    {
        JsonObject body = Body(new JsonObject { ["max_new_tokens"] = 2 });
        body["text"] = new JsonArray(RawPrompt.Of(First));
        JsonElement results = await AskAsync(body);
        Assert.Multiple(() =>
        {
            Assert.That(results.GetArrayLength(), Is.EqualTo(1));
            JsonElement finish = results[0].GetProperty("meta_info").GetProperty("finish_reason");
            Assert.That((finish.GetProperty("type").GetString(), finish.GetProperty("length").GetInt32()), Is.EqualTo(("length", 2)));
        });
    }

    [Test]
    public async Task Stream_HasAllTextSoFar()
    {
        JsonObject body = Body(new JsonObject { ["n"] = 2 });
        (body["return_logprob"], body["rid"]) = (true, "r");
        JsonElement whole = await AskAsync(body);
        body["stream"] = true;
        List<(string? Name, string Data)> events = await Server.StreamAsync(Path, body.ToJsonString());
        Assert.That(events[^1].Data, Is.EqualTo("[DONE]"));
        JsonElement[] results = [.. events.SkipLast(1).Select(next => JsonElement.Parse(next.Data))];
        for (int i = 0; i < 2; i++)
        {
            JsonElement[] ofOne = [.. results.Where(result => result.GetProperty("index").GetInt32() == i)];
            string last = "";
            int length = whole[i].GetProperty("output_ids").GetArrayLength();
            Assert.That(ofOne, Has.Length.InRange(33, length + 1));
            foreach (JsonElement result in ofOne)
            {
                Assert.That(result.GetProperty("text").GetString(), Does.StartWith(last));
                last = result.GetProperty("text").GetString()!;
            }
            Assert.That(Without(ofOne[^1], "cached_tokens"), Is.EqualTo(Without(whole[i], "cached_tokens")));
            Assert.That(ofOne[0].GetProperty("meta_info").GetProperty("finish_reason").ValueKind, Is.EqualTo(JsonValueKind.Null));
        }
    }

    [Test]
    public async Task SpecialTokens_AreTextOnRequest()
    {
        JsonElement trimmed = await AskAsync(Body(new JsonObject { ["skip_special_tokens"] = false }));
        JsonElement whole = await AskAsync(Body(new JsonObject { ["skip_special_tokens"] = false, ["no_stop_trim"] = true }));
        int[] ids = Numbers(whole.GetProperty("output_ids"));
        Assert.Multiple(() =>
        {
            Assert.That(Server.Engine.Tokenizer.IsSpecial(ids[^1]));
            Assert.That(whole.GetProperty("text").GetString(), Is.EqualTo(Server.Engine.Tokenizer.Decode(ids, skipSpecialTokens: false)));
            Assert.That(trimmed.GetProperty("text").GetString(),
                Is.EqualTo(Server.Engine.Tokenizer.Decode(ids.AsSpan()[..^1], skipSpecialTokens: false)));
        });
    }

    [Test]
    public async Task StopText_IsKeptOnRequest([Values] bool keep)
    {
        GeneratedSample free = await RawPrompt.AskAsync(First, new SamplingOptions { Seed = 0 });
        string stop = free.Thinking[4..8];
        JsonElement result = await AskAsync(Body(new JsonObject { ["stop"] = new JsonArray(stop), ["no_stop_trim"] = keep }));
        int start = free.Text.IndexOf(stop, StringComparison.Ordinal);
        Assert.That(result.GetProperty("text").GetString(), Is.EqualTo(free.Text[..(keep ? start + stop.Length : start)]));
        Assert.That(result.GetProperty("meta_info").GetProperty("finish_reason").GetProperty("matched").GetString(), Is.EqualTo(stop));
    }

    [Test]
    public async Task IgnoredEnd_IsTextLikeAnyOther()
    {
        JsonObject sampling = new() { ["ignore_eos"] = true, ["max_new_tokens"] = 200, ["skip_special_tokens"] = false };
        JsonElement result = await AskAsync(Body(sampling));
        int[] ids = Numbers(result.GetProperty("output_ids"));
        Assert.Multiple(() =>
        {
            Assert.That(ids, Has.Length.EqualTo(200));
            Assert.That(ids.Count(Server.Engine.Tokenizer.IsSpecial), Is.GreaterThan(0));
            Assert.That(result.GetProperty("text").GetString(), Is.EqualTo(Server.Engine.Tokenizer.Decode(ids, skipSpecialTokens: false)));
        });
    }

    [TestCase("""{}""", "text")]
    [TestCase("""{"text": "a", "input_ids": [1]}""", "text")]
    [TestCase("""{"text": 1}""", "text")]
    [TestCase("""{"text": ["a", 1]}""", "text[1]")]
    [TestCase("""{"input_ids": "a"}""", "input_ids")]
    [TestCase("""{"input_ids": [1, 1000000]}""", "input_ids[1]")]
    [TestCase("""{"input_ids": [[1], [2, -1]]}""", "input_ids[1][1]")]
    [TestCase("""{"text": "a", "sampling_params": [{}]}""", "sampling_params")]
    [TestCase("""{"text": "a", "sampling_params": {"top_p": 2}}""", "sampling_params.top_p")]
    [TestCase("""{"text": "a", "sampling_params": {"temprature": 1}}""", "sampling_params.temprature")]
    [TestCase("""{"text": "a", "sampling_params": {"max_new_tokens": 0}}""", "sampling_params.max_new_tokens")]
    [TestCase("""{"text": "a", "sampling_params": {"max_topk": 1000}}""", "sampling_params.max_topk")]
    [TestCase("""{"text": "a", "sampling_params": {"stop": [""]}}""", "sampling_params.stop")]
    [TestCase("""{"text": "a", "sampling_params": {"strategy": "swireasoning", "max_topk": 9, "hard_ids": [100000]}}""", "sampling_params.hard_ids")]
    [TestCase("""{"text": "a", "sampling_params": {"think_end_text": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}}""", "sampling_params.think_end_text")]
    [TestCase("""{"text": "a", "sampling_params": {"regex": "a+"}}""", "sampling_params.regex")]
    [TestCase("""{"text": "a", "sampling_params": {"logit_bias": {"x": 1}}}""", "sampling_params.logit_bias")]
    [TestCase("""{"text": "a", "return_logprob": true, "logprob_start_len": 0}""", "logprob_start_len")]
    [TestCase("""{"text": "a", "return_logprob": true, "top_logprobs_num": 21}""", "top_logprobs_num")]
    [TestCase("""{"text": "a", "return_hidden_states": true}""", "return_hidden_states")]
    [TestCase("""{"text": "a", "image_data": "x"}""", "image_data")]
    [TestCase("""{"text": "a", "rid": ["x"]}""", "rid")]
    public async Task Errors_NameTheField(string request, string field)
    {
        (int status, JsonElement error) = await Server.FailAsync(Path, request);
        Assert.That((status, error.GetProperty("error").GetProperty("param").GetString()), Is.EqualTo((400, field)), error.GetRawText());
    }

    [TestCase("/generate", """{"text": "a", "sampling_params": {"max_new_tokens": 9}}""", "sampling_params.max_new_tokens", "the request asks for 9 new tokens; the limit of this server is 8")]
    [TestCase("/generate", """{"text": "a", "sampling_params": {"max_topk": 9}}""", "sampling_params.max_topk",
        "the strategy soft mixes up to 9 tokens; the limit of this server, which has to be raised for it, is 5")]
    [TestCase("/v1/completions", """{"prompt": "a", "max_tokens": 9}""", "max_tokens", "the request asks for 9 new tokens; the limit of this server is 8")]
    public async Task LimitsOfTheServer_NameTheField(string path, string request, string field, string message)
    {
        await using TestServer server = await TestServer.StartAsync(
            options => options with { Defaults = _ => new() { Prompt = new TextPrompt(""), Sampling = new() { MaxTopk = 5 } } }, new EngineOptions { Threads = 2, MaxNewTokens = 8, MaxTopk = 5 });
        JsonElement error = (await server.FailAsync(path, request)).Error.GetProperty("error");
        Assert.That((error.GetProperty("param").GetString(), error.GetProperty("message").GetString()), Is.EqualTo((field, message)));
    }

    /// <summary>Options that only the engine can check have the names of this dialect in messages, too.</summary>
    [Test]
    public void OptionsOfTheEngine_HaveTheNamesOfFields()
    {
        WireError ids = WireError.Of(RequestOption.HardIds.Error("is wrong")), least = WireError.Of(RequestOption.MinNewTokens.Error("is wrong"));
        Assert.That((least.Field, least.Message), Is.EqualTo(("min_tokens", "min_tokens is wrong")));
        (ids, least) = (Generate.Named(ids), Generate.Named(least));
        Assert.That((ids.Field, ids.Message), Is.EqualTo(("sampling_params.hard_ids", "sampling_params.hard_ids is wrong")));
        Assert.That((least.Field, least.Message), Is.EqualTo(("sampling_params.min_new_tokens", "sampling_params.min_new_tokens is wrong")));
    }

    [Test]
    public async Task WhatAsksForNothing_IsAccepted()
    {
        JsonObject body = Body(new JsonObject { ["max_new_tokens"] = 1, ["regex"] = null, ["spaces_between_special_tokens"] = false });
        (body["return_logprob"], body["logprob_start_len"], body["top_logprobs_num"]) = (false, 0, 0);
        (body["return_hidden_states"], body["lora_path"]) = (false, null);
        JsonElement result = await AskAsync(body);
        Assert.That(result.GetProperty("output_ids").GetArrayLength(), Is.EqualTo(1));
    }

    private static int[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(number => number.GetInt32())];

    private static IEnumerable<IEnumerable<T>> Rows<T>(JsonElement meta, string name, Func<JsonElement, T> read) =>
        meta.GetProperty(name).EnumerateArray().Select(row => row.EnumerateArray().Select(read));

    private static (float, int) Entry(JsonElement entry) =>
        entry[2].ValueKind == JsonValueKind.Null ? (entry[0].GetSingle(), entry[1].GetInt32()) : default;

    private static string Without(JsonElement result, string field)
    {
        JsonNode copy = JsonNode.Parse(result.GetRawText())!;
        copy["meta_info"]!.AsObject().Remove(field);
        return copy.ToJsonString();
    }
}
