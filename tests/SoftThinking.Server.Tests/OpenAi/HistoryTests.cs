using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Server.Tests.OpenAi;

/// <summary>What a client sends back of earlier turns is what the template wants, and its keys and values are reused.</summary>
public class HistoryTests
{
    private const string Path = "/v1/chat/completions", Question = "A question of some length, so that it fills more than one block of the cache.";
    private const int Block = 16;

    /// <summary>It keeps earlier thoughts, and writes them as the model did.</summary>
    private const string Keeping =
        """
        {%- for message in messages %}
            {{- '<|' + message.role + '|>' }}
            {%- if message.reasoning_content %}{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{%- endif %}
            {{- message.content + '<|end|>' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|assistant|><think>\n' }}{%- endif %}
        """;

    [TestCase("reasoning_content")]
    [TestCase("reasoning")]
    public async Task AThoughtThatTheTemplateKeeps_IsReusedWhole(string field)
    {
        string folder = Directory.CreateTempSubdirectory("history-").FullName;
        ScriptedModel.Write(folder, Keeping, new ScriptedReply("<|plain|>", "A greeting", " fits.\n", "</think>", "\n\n", "Hello", ", you."));
        await using TestServer server = await TestServer.StartAsync(options => options with { ModelName = "keeping" }, model: folder);
        Directory.Delete(folder, recursive: true); // the engine has read it
        JsonElement first = await server.AskAsync(Path, $$"""{"reasoning_field": "{{field}}", "messages": [{"role": "user", "content": "{{Question}}"}]}""");
        JsonObject answer = JsonObject.Create(first.GetProperty("choices")[0].GetProperty("message"))!;
        Assert.That(((string?)answer[field], (string?)answer["content"]), Is.EqualTo(("A greeting fits.", "Hello, you.")));
        JsonElement second = await AskAgainAsync(server, answer);
        // Of the last token of a reply nothing is computed.
        int computed = first.GetProperty("usage").GetProperty("total_tokens").GetInt32() - 1;
        Report(second);
        Assert.That(Cached(second), Is.EqualTo(computed / Block * Block));
    }

    [Test]
    public async Task AThoughtThatTheTemplateDrops_LeavesThePromptToReuse()
    {
        TestServer server = SharedServer.Instance;
        JsonElement first = await server.AskAsync(Path, $$"""{"seed": 1, "messages": [{"role": "user", "content": "{{Question}}"}]}""");
        JsonObject answer = JsonObject.Create(first.GetProperty("choices")[0].GetProperty("message"))!;
        JsonElement prompt = await server.AskAsync("/apply-template", Conversation(answer).ToJsonString());
        JsonElement second = await AskAgainAsync(server, answer);
        Report(second);
        Assert.That(prompt.GetProperty("prompt").GetString(), Does.Not.Contain((string?)answer["reasoning_content"]).And.Contain((string?)answer["content"]));
        // "<think>\n", with which the prompt ends, does not come again.
        int shared = first.GetProperty("usage").GetProperty("prompt_tokens").GetInt32() - 2;
        Assert.That(Cached(second), Is.EqualTo(shared / Block * Block));
    }

    private static Task<JsonElement> AskAgainAsync(TestServer server, JsonObject answer) => server.AskAsync(Path, Conversation(answer).ToJsonString());

    private static JsonObject Conversation(JsonObject answer) => new()
    {
        ["messages"] = new JsonArray(
            new JsonObject { ["role"] = "user", ["content"] = Question },
            answer.DeepClone(),
            new JsonObject { ["role"] = "user", ["content"] = "And another one." }),
    };

    private static int Cached(JsonElement reply) => reply.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();

    private static void Report(JsonElement reply) =>
        TestContext.Out.WriteLine($"{Cached(reply)} of {reply.GetProperty("usage").GetProperty("prompt_tokens").GetInt32()} prompt tokens reused");
}
