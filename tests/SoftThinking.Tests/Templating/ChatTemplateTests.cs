using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Templating;

namespace SoftThinking.Tests.Templating;

/// <summary>Loading templates from checkpoints, and what rendering passes to them.</summary>
[TestFixture]
internal sealed class ChatTemplateTests
{
    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("chat-template").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void The_demonstration_model_writes_its_conversation()
    {
        ChatTemplate template = ChatTemplate.Load(TestData.TinyReasoner)!;
        string text = template.Render([
            new("user", "Compute 40 + 7."), new("assistant", "<think>\n40+7=47\n</think>\n\nIt is 47."), new("user", "Again?")]);
        Assert.That(text, Is.EqualTo(
            "<|im_start|>user\nCompute 40 + 7.<|im_end|>\n<|im_start|>assistant\nIt is 47.<|im_end|>\n"
            + "<|im_start|>user\nAgain?<|im_end|>\n<|im_start|>assistant\n<think>\n"));
        Assert.That(template.SpecialTokens["eos_token"], Is.EqualTo("<|im_end|>"));
        Assert.That(template.Render([new("user", "Hi")], addGenerationPrompt: false),
            Is.EqualTo("<|im_start|>user\nHi<|im_end|>\n"));
    }

    [Test]
    public void The_template_file_wins_and_tokens_come_from_the_configuration()
    {
        Write("tokenizer_config.json", """
            {"chat_template": "config", "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>",
             "unk_token": null, "add_bos_token": true}
            """);
        Assert.That(ChatTemplate.Load(_folder)!.Render([]), Is.EqualTo("config"));

        Write("chat_template.jinja", "{{ bos_token }}file{{ eos_token }}{{ unk_token }}{{ add_bos_token }}");
        ChatTemplate template = ChatTemplate.Load(_folder)!;
        Assert.That(template.Render([]), Is.EqualTo("<s>file</s>"));
        Assert.That(template.Name, Is.EqualTo(Path.Combine(_folder, "chat_template.jinja")));
        Assert.That(template.SpecialTokens.Keys, Is.EquivalentTo(new[] { "bos_token", "eos_token" }));
    }

    [TestCase("""{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}""", "d")]
    [TestCase("""{"chat_template": [{"name": "only", "template": "o"}]}""", "o")]
    public void Of_several_templates_the_default_is_taken(string config, string expected)
    {
        Write("tokenizer_config.json", config);
        Assert.That(ChatTemplate.Load(_folder)!.Render([]), Is.EqualTo(expected));
    }

    [TestCase("{}")]
    [TestCase("""{"chat_template": null}""")]
    [TestCase("""{"chat_template": []}""")]
    [TestCase(null)]
    public void A_checkpoint_may_have_no_template(string? config)
    {
        if (config != null)
            Write("tokenizer_config.json", config);
        Assert.That(ChatTemplate.Load(_folder), Is.Null);
    }

    [TestCase("{", "broken JSON: it ends too early, at line 1, column 2")]
    [TestCase("[]", "one JSON object, found a list")]
    [TestCase("""{"chat_template": 5}""", "neither a string nor a list")]
    [TestCase("""{"chat_template": [{"name": "a"}]}""", "lacks 'name' or 'template'")]
    [TestCase("""{"chat_template": [{"name": "a", "template": ""}, {"name": "b", "template": ""}]}""", "only 'a', 'b'")]
    public void A_broken_configuration_is_named(string config, string reason)
    {
        Write("tokenizer_config.json", config);
        ModelFileException error = Assert.Throws<ModelFileException>(() => ChatTemplate.Load(_folder))!;
        Assert.That(error.File, Does.EndWith("tokenizer_config.json"));
        Assert.That(error.Message, Does.Contain(reason));
    }

    [Test]
    public void Messages_tools_and_variables_reach_the_template()
    {
        using JsonDocument calls = JsonDocument.Parse("""[{"function": {"name": "f", "arguments": {"x": 1.0}}}]""");
        using JsonDocument extra = JsonDocument.Parse("""{"name": "n", "content": [{"type": "text"}]}""");
        ChatTemplate template = ChatTemplate.Parse(
            "{% for m in messages %}{{ m | tojson }}\n{% endfor %}{{ tools }} {{ documents }} {{ enable_thinking }} {{ bos_token }}",
            "t", new Dictionary<string, string> { ["bos_token"] = "<s>" });
        ChatMessage[] messages =
        [
            new("assistant", null) { Reasoning = "hm", ToolCalls = calls.RootElement },
            new("tool", "r") { Extra = extra.RootElement },
        ];
        string text = template.Render(
            messages, tools: new JsonArray(1), variables: new JsonObject { ["enable_thinking"] = false });
        Assert.That(text, Is.EqualTo(
            """
            {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.0}}}]}
            {"role": "tool", "content": [{"type": "text"}], "name": "n"}
            [1] None False <s>
            """));
        Assert.That(template.Render([], variables: new JsonObject { ["bos_token"] = "B", ["tools"] = 2 }),
            Is.EqualTo("2 None  B"));
    }

    [Test]
    public void Wrong_arguments_are_refused()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ x }}", "t");
        using JsonDocument list = JsonDocument.Parse("[]");
        using JsonDocument lone = JsonDocument.Parse("""{"x": "\ud800"}""");
        Assert.Throws<ArgumentException>(() => template.Render(list.RootElement));
        Assert.Throws<ArgumentException>(() => template.Render(lone.RootElement));
        Assert.Throws<ArgumentException>(() => template.Render([new("user", "x") { Extra = list.RootElement }]));
    }

    [Test]
    public void One_template_renders_on_several_threads()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% set n = namespace(c=0) %}{% for m in messages %}{% set n.c = n.c + 1 %}{% endfor %}{{ n.c }}", "t");
        Parallel.For(0, 64, count => Assert.That(
            template.Render(Enumerable.Repeat(new ChatMessage("user", "x"), count)), Is.EqualTo(count.ToString())));
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder, file), text);
}
