using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Templating;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests;

/// <summary>How a prompt becomes what the model reads.</summary>
public class PromptEncoderTests
{
    private const int FirstToken = 450;

    private string _folder = null!;

    /// <summary>A tokenizer that puts a token before every text, as Llama's does.</summary>
    [OneTimeSetUp]
    public void WriteTokenizer()
    {
        _folder = Directory.CreateTempSubdirectory("softthinking-").FullName;
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.TinyReasoner, "tokenizer.json")))!.AsObject();
        json["post_processor"] = JsonNode.Parse($$$"""
            {
              "type": "TemplateProcessing",
              "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
              "pair": [],
              "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [{{{FirstToken}}}], "tokens": ["<|endoftext|>"]}}
            }
            """);
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), json.ToJsonString());
    }

    [OneTimeTearDown]
    public void DeleteTokenizer() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void OnlyRawPromptsGetTheTokenizersSpecialTokens()
    {
        Assert.That(Make(raw: true, "Q{{ 1 }}").Tokens[0].Token, Is.EqualTo(FirstToken));
        Assert.That(Make(raw: false, "{{ messages[0].content }}").Tokens[0].Token, Is.Not.EqualTo(FirstToken));
    }

    [TestCase("<think>", "<think>")]
    [TestCase("x<think>\n\n", "<think>\n\n")]
    [TestCase("<think>\n\n</think>\n", "")]
    [TestCase("", "")]
    public void TheEndThatBeginsTheThoughtIsFound(string end, string expected) =>
        Assert.That(Make(raw: false, "{{ messages[0].content }}" + end + "{{ '' }}").End.OpenThought, Is.EqualTo(expected));

    [TestCase("<think>", "<think>")]
    [TestCase("x<think>\n\n", "<think>\n\n")]
    [TestCase("<think>\n\n</think>\n", "")]
    [TestCase("", "")]
    public void SoIsTheOneThatTheTemplateAddsForTheAnswer(string end, string expected)
    {
        string template = "<think>{{ messages[0].content }}{% if add_generation_prompt %}A:{{ '" + end.Replace("\n", "\\n") + "' }}{% endif %}";
        Assert.That(Make(raw: false, template).End.OpenThought, Is.EqualTo(expected));
    }

    private EncodedPrompt Make(bool raw, string template)
    {
        Tokenizer tokenizer = Tokenizer.Load(_folder);
        PromptEncoder encoder = new("test", tokenizer, () => ChatTemplate.Parse(template, "test"));
        Prompt prompt = raw ? new TextPrompt("What?") : new ChatPrompt([new ChatMessage("user", "What?")]);
        return encoder.Encode(prompt, ThinkingMarkers.Resolve(tokenizer, template, null, null));
    }
}
