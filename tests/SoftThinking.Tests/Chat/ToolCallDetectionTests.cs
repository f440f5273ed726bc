using NUnit.Framework;
using SoftThinking.Chat;
using SoftThinking.Templating;
using static SoftThinking.Chat.ToolCallSyntax;

namespace SoftThinking.Tests.Chat;

/// <summary>How a model writes tool calls.</summary>
public class ToolCallDetectionTests
{
    [TestCase("NousResearch-Hermes-3-Llama-3.1-8B-tool_use", Hermes)]
    [TestCase("Qwen-QwQ-32B", Hermes)]
    [TestCase("Qwen-Qwen2.5-7B-Instruct", Hermes)]
    [TestCase("Qwen-Qwen3-0.6B", Hermes)]
    [TestCase("meta-llama-Llama-3.1-8B-Instruct", Llama)]
    [TestCase("meta-llama-Llama-3.3-70B-Instruct", Llama)]
    [TestCase("HuggingFaceTB-SmolLM3-3B", None)] // renders no tools
    [TestCase("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", None)]
    [TestCase("deepseek-ai-DeepSeek-R1-Distill-Qwen-32B", None)]
    public void PublishedTemplatesAreRecognized(string name, ToolCallSyntax expected) =>
        Assert.That(ToolCallDetection.SyntaxOf(PublishedTemplates.Source(name)), Is.EqualTo(expected));

    [TestCase(null, None)]
    [TestCase("{{ messages }}", None)]
    [TestCase("{{ messages }}<tool_call>", None)]
    [TestCase("{{ tools }}", None)]
    [TestCase("{{ tools }}<tool_call>", Hermes)]
    [TestCase("{{ tools }}<tool_call><function=name>", None)]
    [TestCase("[AVAILABLE_TOOLS]{{ tools }}[TOOL_CALLS]", Mistral)]
    [TestCase("""{{ tools }}{"name": n, "parameters": p} ipython""", Llama)]
    public void ATemplateShowsTheSyntax(string? template, ToolCallSyntax expected) =>
        Assert.That(ToolCallDetection.SyntaxOf(template), Is.EqualTo(expected));

    [Test]
    public void AnEngineKnowsTheSyntaxOfItsModel()
    {
        using CaseModel model = CaseModel.Copy();
        Assert.That(SyntaxOf(), Is.EqualTo(None));
        model.Edit("tokenizer_config.json", json => json["chat_template"] = "{{ tools }}<tool_call>");
        Assert.That(SyntaxOf(), Is.EqualTo(Hermes));
        model.Edit("tokenizer_config.json", json => json.Remove("chat_template"));
        Assert.That(SyntaxOf(), Is.EqualTo(None));
        model.Edit("tokenizer_config.json", json => json["chat_template"] = "{{ tools");
        Assert.That(SyntaxOf, Throws.TypeOf<TemplateException>());

        ToolCallSyntax SyntaxOf()
        {
            using Engine engine = Engine.Load(model.Path);
            return engine.ToolCallSyntax;
        }
    }
}
