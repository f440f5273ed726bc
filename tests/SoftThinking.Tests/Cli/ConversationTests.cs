using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>"messages", "tools" and variables of the template: what reaches the chat template. A template that raises its
/// variables as an error shows them.</summary>
public class ConversationTests
{
    private const string Show =
        "{{ raise_exception('SHOWN' ~ [messages, tools, enable_thinking | default('absent')] | tojson ~ 'SHOWN') }}";

    private TempFolder _model = null!;

    [OneTimeSetUp]
    public void CopyModel()
    {
        _model = new TempFolder();
        foreach (string file in Directory.GetFiles(TestData.TinyReasoner))
            File.Copy(file, _model.File(Path.GetFileName(file)));
        _model.Write("chat_template.jinja", Show);
    }

    [OneTimeTearDown]
    public void DeleteModel() => _model.Dispose();

    [Test]
    public void MessagesAreAConversation()
    {
        string question = $$"""{"messages": [{"role": "user", "content": "{{CliRun.Question}}"}]}""";
        CliRun run = CliRun.With(question, "generate", "--prompts", "-");

        Assert.That(run.Code, Is.Zero, run.Out);
        Assert.That(run.Json.GetProperty("tokens").GetRawText(), Is.EqualTo(CliRun.Ask().Json.GetProperty("tokens").GetRawText()));
    }

    [TestCase("""{"prompt": "Hi"}""", """[[{"role": "user", "content": "Hi"}], null, "absent"]""")]
    [TestCase("""{"prompt": "Hi", "system": "S"}""",
        """[[{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}], null, "absent"]""")]
    [TestCase("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}""",
        """[[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], null, "absent"]""")]
    [TestCase("""
        {"messages": [{"role": "assistant", "content": null, "reasoning_content": "R", "tool_calls": [{"type": "function"}], "name": null},
        {"role": "tool", "content": "4", "name": "add", "tool_call_id": "c1"}]}
        """,
        """[[{"role": "assistant", "content": null, "reasoning_content": "R", "tool_calls": [{"type": "function"}]}, """
        + """{"role": "tool", "content": "4", "name": "add", "tool_call_id": "c1"}], null, "absent"]""")]
    [TestCase("""{"prompt": "Hi", "tools": [{"name": "add"}], "template_vars": {"enable_thinking": false}}""",
        """[[{"role": "user", "content": "Hi"}], [{"name": "add"}], false]""")]
    [TestCase("""{"prompt": "Hi", "system": null, "tools": null, "template_vars": null, "messages": null, "stop": null, "top_p": null, "id": null}""",
        """[[{"role": "user", "content": "Hi"}], null, "absent"]""")]
    public void TheTemplateReceivesWhatALineSays(string line, string expected) => Assert.That(Shown(line), Is.EqualTo(expected));

    [TestCase("enable_thinking=false", "false")]
    [TestCase("enable_thinking=true", "true")]
    [TestCase("enable_thinking=1.5", "1.5")]
    [TestCase("enable_thinking=null", "null")]
    [TestCase("enable_thinking={\"a\": [1]}", "{\"a\": [1]}")]
    [TestCase("enable_thinking=\"false\"", "\"false\"")]
    [TestCase("enable_thinking=low effort", "\"low effort\"")]
    [TestCase("enable_thinking=a=b", "\"a=b\"")]
    [TestCase("enable_thinking=", "\"\"")]
    public void TheTemplateReceivesVariablesOfTheCommandLine(string option, string expected) =>
        Assert.That(Shown("""{"prompt": "Hi"}""", "--template-var", option), Does.EndWith($", {expected}]"));

    [TestCase("x={\"a\": 1, \"a\": 2}", "the template variable 'x' has a key twice: the template variable 'x'.a")]
    [TestCase("x=[{\"a\": 1, \"a\": 2}]", "the template variable 'x'[0] has a key twice: the template variable 'x'[0].a")]
    public void AVariableWithAKeyTwiceIsAnError(string option, string error) =>
        Assert.That(CliRun.Of("generate", "--prompt", "Hi", "--template-var", option), Is.EqualTo(new CliRun(2, "", $"error: --template-var: {error}\n")));

    [Test]
    public void VariablesReachASingleQuestion()
    {
        CliRun run = CliRun.Of("generate", "--model", _model.Path, "--prompt", "Hi", "--template-var", "x=1", "--template-var", "enable_thinking=2");

        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.Contain(""" null, 2]SHOWN"""));
    }

    [Test]
    public void ALineOverridesVariablesAndTheSystemTextOfTheCommandLine()
    {
        string[] options = ["--template-var", "enable_thinking=1", "--system", "S"];

        Assert.That(Shown("""{"prompt": "Hi", "template_vars": {"enable_thinking": 2}}""", options), Does.EndWith(", 2]"));
        Assert.That(Shown("""{"prompt": "Hi", "template_vars": {"other": 2}}""", options), Does.EndWith(", 1]"));
        Assert.That(Shown("""{"messages": [{"role": "user", "content": "Hi"}]}""", options),
            Does.StartWith("""[[{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]"""));
        Assert.That(Shown("""{"messages": [{"role": "system", "content": "T"}, {"role": "user", "content": "Hi"}]}""", options),
            Does.StartWith("""[[{"role": "system", "content": "T"}, {"role": "user", "content": "Hi"}]"""));
    }

    [TestCase("""{"prompt": "x", "messages": []}""", "messages must not be empty")]
    [TestCase("""{"prompt": "x", "messages": [{"role": "user", "content": "y"}]}""", "\"prompt\" and \"messages\" cannot be combined")]
    [TestCase("""{"system": "x", "messages": [{"role": "user", "content": "y"}]}""",
        "\"system\" and \"messages\" cannot be combined: put a system message first in \"messages\"")]
    [TestCase("""{"messages": "x"}""", "messages must be an array of objects, not \"x\"")]
    [TestCase("""{"messages": ["x"]}""", "messages[0] must be an object, not \"x\"")]
    [TestCase("""{"messages": [{"content": "x"}]}""", "messages[0] has no role")]
    [TestCase("""{"messages": [{"role": 1, "content": "x"}]}""", "messages[0].role must be text, not 1")]
    [TestCase("""{"messages": [{"role": "user"}]}""", "messages[0] has neither content nor tool_calls")]
    [TestCase("""{"messages": [{"role": "user", "content": 1}]}""", "messages[0].content must be text, not 1")]
    [TestCase("""{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}""",
        "messages[0].content[0] must be a text part, {\"type\": \"text\", \"text\": \"…\"}, not {\"type\": \"image_url\"}")]
    [TestCase("""{"messages": [{"role": "user", "content": "\ud800"}]}""", "messages[0].content must be Unicode text")]
    [TestCase("""{"messages": [{"role": "user", "content": "x", "tool_calls": 1}]}""", "messages[0].tool_calls must be an array of objects, not 1")]
    [TestCase("""{"messages": [{"role": "user", "tool_calls": []}]}""", "messages[0] has neither content nor tool_calls")]
    [TestCase("""{"prompt": "x", "tools": {}}""", "tools must be an array of objects, not {}")]
    [TestCase("""{"prompt": "x", "tools": [1]}""", "tools must be an array of objects, not [1]")]
    [TestCase("""{"prompt": "x", "template_vars": []}""", "template_vars must be an object, not []")]
    [TestCase("""{"prompt": "x", "template_vars": {"tools": 1}}""", "the template variable 'tools' is set by the engine itself")]
    [TestCase("""{"prompt": "x", "template_vars": {"a": "\ud800"}}""", "the template variable 'a' must be Unicode text")]
    [TestCase("""{"prompt": null}""", "\"prompt\" or \"messages\" is missing")]
    [TestCase("""{"prompt": "x", "temprature": null}""", "unknown key \"temprature\"")]
    public void WhatIsNoConversationIsAnErrorOfItsLine(string line, string expected) =>
        Assert.That(ErrorOf(line), Is.EqualTo(expected));

    [TestCase("""{"prompt": "x", "tools": []}""", "tools")]
    [TestCase("""{"prompt": "x", "template_vars": {}}""", "template_vars")]
    [TestCase("""{"messages": [{"role": "user", "content": "y"}]}""", "messages")]
    public void RawPromptsHaveNoTemplate(string line, string key) =>
        Assert.That(ErrorOf(line, "--raw"), Is.EqualTo($"\"{key}\" needs the chat template, which a raw prompt (--raw on the command line) does without"));

    private string Shown(string line, params string[] options)
    {
        string error = ErrorOf(line.ReplaceLineEndings(""), options);
        Assert.That(error, Does.Contain("SHOWN"));
        return error.Split("SHOWN")[1];
    }

    private string ErrorOf(string line, params string[] options)
    {
        CliRun run = CliRun.With(line, ["generate", "--model", _model.Path, "--prompts", "-", .. options]);
        Assert.That((run.Code, run.Error), Is.EqualTo((1, "")));
        return run.Json.GetProperty("error").GetString()!;
    }
}
