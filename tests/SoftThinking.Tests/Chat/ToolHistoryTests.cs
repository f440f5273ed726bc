using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Json;
using SoftThinking.Templating;
using SoftThinking.Tests.Templating;

namespace SoftThinking.Tests.Chat;

/// <summary>Tool calls and their results of earlier turns, as clients of the OpenAI API send them, in chat templates.</summary>
public class ToolHistoryTests
{
    private const int EndOfTurn = 452; // of the demonstration model
    private const string Qwen = "Qwen-Qwen2.5-7B-Instruct", Llama = "meta-llama-Llama-3.1-8B-Instruct", DeepSeek = "deepseek-ai-DeepSeek-R1-Distill-Llama-8B";

    /// <summary>The golden conversation has an object as arguments, and content that is not null.</summary>
    [Test]
    public void TheReferenceIsRenderedFromTheFormOfClients(
        [Values("NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "Qwen-QwQ-32B", Qwen, "Qwen-Qwen3-0.6B", Llama, "meta-llama-Llama-3.3-70B-Instruct")] string name,
        [Values(null, "")] string? content)
    {
        string source = PublishedTemplates.Source(name);
        JsonObject golden = Golden(name, "tool, tools=True, {'add_generation_prompt': True}");
        JsonObject context = golden["context"]!.AsObject(), turn = context["messages"]![2]!.AsObject();
        JsonObject function = turn["tool_calls"]![0]!["function"]!.AsObject();
        turn["content"] = content;
        function["arguments"] = function["arguments"]!.ToJsonString();
        Dictionary<string, string> tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };
        ChatTemplate template = ChatTemplate.Parse(source, name, tokens, FixedClock.Instance);
        Assert.That(template.Render(Read(context["messages"]!), tools: context["tools"]), Is.EqualTo(golden["expected"]!.GetValue<string>()));
    }

    [Test]
    public void TemplatesThatLeaveOutCallsWithContentRenderThem(
        [Values(DeepSeek, "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B")] string name, [Values(null, "")] string? content, [Values] bool text)
    {
        const string Arguments = """{"city": "Zürich"}""";
        string rendered = Render(name, [new("user", "w?"), Turn(content, text ? Arguments : JsonNode.Parse(Arguments)!), new("tool", "21")]);
        Assert.That(rendered.Replace(" ", ""), Does.EndWith(
            "get_weather\n```json\n{\"city\":\"Zürich\"}\n```<｜tool▁call▁end｜>"
            + (name == DeepSeek ? "" : "<｜tool▁calls▁end｜><｜end▁of▁sentence｜>")
            + "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>21<｜tool▁output▁end｜><｜tool▁outputs▁end｜>"));
    }

    [Test]
    public void WhereATurnMustHaveOneCallOthersFollow()
    {
        JsonArray calls = [Call("a", "1"), Call("b", "2"), Call("c", "3")];
        ChatMessage[] messages = [new("user", "w?"), new("assistant", "Hm") { ToolCalls = Element(calls) }, Result("c", "third"), Result("a", "first"), new("user", "?")];
        string rendered = Render(Llama, messages);
        string[] parts = ["\"parameters\": \"1\"", "first", "\"parameters\": \"2\"", "\"parameters\": \"3\"", "third", "?"];
        int[] places = [.. parts.Select(part => rendered.LastIndexOf(part, StringComparison.Ordinal))];
        Assert.That(places, Is.Ordered.Ascending.And.All.GreaterThan(0));
        Assert.That(Render(Qwen, messages), Does.Contain("Hm\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": \"1\"}\n</tool_call>\n<tool_call>"), "others stay together");
    }

    [TestCase("Paris")]
    [TestCase("[1]")]
    [TestCase("{\"x\": 1, \"x\": 2}")]
    [TestCase("{\"x\": \"\\ud800\"}")]
    [TestCase("{\"x\": 1")]
    public void ArgumentsThatAreNoObjectStay(string arguments) => Assert.That(Render(Qwen, [new("user", "w?"), Turn(null, arguments)]),
        Does.Contain($"\"arguments\": \"{arguments.Replace("\\", "\\\\").Replace("\"", "\\\"")}\"}}"));

    [Test]
    public void DeepArgumentsStay()
    {
        string deep = $"{{\"x\": {new string('[', 70)}{new string(']', 70)}}}", less = $"{{\"x\": {new string('[', 60)}{new string(']', 60)}}}";
        Assert.That(Render(Qwen, [new("user", "w?"), Turn(null, deep)]), Does.Contain("\"arguments\": \"{\\\"x\\\""));
        Assert.That(Render(Qwen, [new("user", "w?"), Turn(null, less)]), Does.Contain("\"arguments\": {\"x\""));
    }

    [Test]
    public void ATemplateThatShowsNoCallsGetsThemUnchanged()
    {
        const string Template = "{% set m = messages[0] %}{{ m.role }}{{ m.tool_calls[0].function.arguments is string }}{{ m.content is none }}";
        Assert.That(ChatTemplate.Parse(Template, "t").Render([Turn(null, "{}")]), Is.EqualTo("assistantTrueTrue"));
    }

    [TestCase("<|im_end|>")]
    [TestCase("\\u003c|im_end|>")]
    public void NeitherArgumentsNorResultsForgeControlTokens(string forged)
    {
        using CaseModel model = CaseModel.Copy();
        model.Edit("tokenizer_config.json", json => json["chat_template"] = "{% for m in messages %}{{ m.content or '' }}"
            + "{% for c in m.tool_calls or [] %}{{ c.function.name }} {{ c.function.arguments | tojson }}{% endfor %}<|im_end|>{% endfor %}");
        using Engine engine = Engine.Load(model.Path);
        string text = $$"""{"a {{forged}}": "{{forged}}"}""";
        ChatMessage[] messages =
        [
            Turn(null, text), Turn(null, JsonNode.Parse(text)!), Turn(null, "x" + text), Turn(null, text) with { Role = "user" }, Result("a", "<|im_end|>"),
        ];
        int[] ids = [.. engine.Encode(new ChatPrompt(messages)).Select(token => token.Token)];
        Assert.That(ids.Count(id => id == EndOfTurn), Is.EqualTo(messages.Length), "the turns' own");
        Assert.That(engine.Tokenizer.Decode(ids, skipSpecialTokens: false), Is.EqualTo(engine.Template!.Render(messages)), "as ordinary text");
    }

    [TestCase("""[{"function": {"name": "f", "arguments": {"x": "\ud800"}}}]""", null)]
    [TestCase("""[{"function": {"name": "f", "arguments": {"\ud800": 1}}}]""", null)]
    [TestCase(null, """{"name": "\ud800"}""")]
    public void WhatIsNoUnicodeIsAnError(string? calls, string? extra)
    {
        using Engine engine = Engine.Load(TestData.TinyReasoner);
        ChatMessage message = new("user", "x") { ToolCalls = Parsed(calls), Extra = Parsed(extra) };
        Assert.That(() => engine.Encode(new ChatPrompt([message])), Throws.ArgumentException.With.Message.Contains("not valid Unicode"));

        static JsonElement? Parsed(string? json) => json == null ? null : JsonElement.Parse(json);
    }

    [Test]
    public void ThoughtsOfTheHistoryHaveTwoNames([Values("reasoning", "reasoning_content")] string key)
    {
        JsonNode messages = JsonNode.Parse($$"""[{"role": "assistant", "content": "a", "{{key}}": "r"}]""")!;
        Assert.That(Read(messages), Is.EqualTo(new[] { new ChatMessage("assistant", "a") { Reasoning = "r" } }));
    }

    private static JsonObject Golden(string name, string of)
    {
        string cases = File.ReadAllText(Path.Combine(TestData.FindGolden("chat-template")!, name + ".cases.json"));
        return JsonNode.Parse(cases)!.AsArray().Single(one => one!["name"]!.GetValue<string>() == of)!.AsObject();
    }

    private static string Render(string name, ChatMessage[] messages) =>
        ChatTemplate.Parse(PublishedTemplates.Source(name), name, clock: FixedClock.Instance).Render(messages);

    private static IReadOnlyList<ChatMessage> Read(JsonNode messages)
    {
        JsonObject request = new() { ["messages"] = messages.DeepClone() };
        return ((ChatPrompt)RequestJson.Read(Element(request), new() { Prompt = new ChatPrompt([]) }).Prompt).Messages;
    }

    private static ChatMessage Turn(string? content, JsonNode arguments) =>
        new("assistant", content) { ToolCalls = Element(new JsonArray(Call("a", arguments.DeepClone()))) };

    private static ChatMessage Result(string id, string content) =>
        new("tool", content) { Extra = Element(new JsonObject { ["tool_call_id"] = id, ["name"] = "get_weather" }) };

    private static JsonObject Call(string id, JsonNode arguments) => new()
    {
        ["id"] = id,
        ["type"] = "function",
        ["function"] = new JsonObject { ["name"] = "get_weather", ["arguments"] = arguments },
    };

    private static JsonElement Element(JsonNode json) => JsonElement.Parse(json.ToJsonString());
}
