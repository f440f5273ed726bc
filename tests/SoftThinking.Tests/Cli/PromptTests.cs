using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Cli;
using SoftThinking.Templating;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Cli;

/// <summary>How a question becomes what the model reads.</summary>
public class PromptTests
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
        Assert.That(Make(raw: true, "Q{{ 1 }}").Tokens[0].Head, Is.EqualTo(FirstToken));
        Assert.That(Make(raw: false, "{{ messages[0].content }}").Tokens[0].Head, Is.Not.EqualTo(FirstToken));
    }

    [TestCase("<think>", "<think>")]
    [TestCase("x<think>\n\n", "<think>\n\n")]
    [TestCase("<think>\n\n</think>\n", "")]
    [TestCase("", "")]
    public void TheEndThatBeginsTheThoughtIsFound(string end, string expected) =>
        Assert.That(Make(raw: false, "{{ messages[0].content }}" + end + "{{ '' }}").OpenThought, Is.EqualTo(expected));

    private Prompt Make(bool raw, string template)
    {
        GenerateSettings settings = new("m", "m", null, null, null, raw, 1, new(), new(), false, null);
        return Prompt.Make(settings, "What?", Tokenizer.Load(_folder), ChatTemplate.Parse(template, "test"));
    }
}
