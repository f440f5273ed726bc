using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Json;

namespace SoftThinking.Tests.Json;

/// <summary>Requests as JSON. Tests of the command line show what reaches the chat template.</summary>
public class RequestJsonTests
{
    private static readonly GenerationRequest Chat = new() { Prompt = new ChatPrompt([]), MaxNewTokens = 9 };
    private static readonly GenerationRequest Raw = GenerationRequest.FromText("");

    [Test]
    public void EveryKeyIsRead()
    {
        GenerationRequest read = Read(
            """
            {"prompt": "Hi", "system": "S", "tools": [{"name": "add"}], "template_vars": {"x": 1}, "max_new_tokens": 1, "min_new_tokens": 2,
            "samples": 3, "log_probs": 4, "record": true, "stop": ["a", "b"], "stop_in_thinking": true, "thinking": "closed", "top_p": 0.5}
            """, Chat);
        ChatPrompt prompt = (ChatPrompt)read.Prompt;

        Assert.Multiple(() =>
        {
            Assert.That(prompt.Messages, Is.EqualTo(new[] { new ChatMessage("system", "S"), new ChatMessage("user", "Hi") }));
            Assert.That(prompt.Tools!.ToJsonString(), Is.EqualTo("""[{"name":"add"}]"""));
            Assert.That(prompt.TemplateVariables!.ToJsonString(), Is.EqualTo("""{"x":1}"""));
            Assert.That((read.MaxNewTokens, read.MinNewTokens, read.Samples, read.LogProbs), Is.EqualTo((1, 2, 3, 4)));
            Assert.That(read.StopStrings, Is.EqualTo(new[] { "a", "b" }));
            Assert.That((read.StopInThinking, read.Thinking, read.Sampling.Thinking.TopP, read.Record), Is.EqualTo((true, ThinkingStart.Closed, 0.5f, true)));
            Assert.That(RequestJson.Keys, Is.EqualTo(new[]
            {
                "prompt", "messages", "system", "tools", "template_vars", "max_new_tokens", "min_new_tokens", "samples", "log_probs", "record", "stop",
                "stop_in_thinking", "thinking",
            }));
        });
    }

    [Test]
    public void AbsentKeysKeepTheDefaults()
    {
        ChatPrompt before = new([new ChatMessage("system", "S")]) { TemplateVariables = new() { ["x"] = 1, ["y"] = 1 }, Tools = new JsonArray(), AllowSpecialTokens = true };
        GenerationRequest read = Read("""{"messages": [{"role": "user", "content": "Hi"}], "template_vars": {"y": 2}, "stop": null}""",
            Chat with { Prompt = before, StopStrings = ["a"] });
        ChatPrompt prompt = (ChatPrompt)read.Prompt;

        Assert.Multiple(() =>
        {
            Assert.That(prompt.Messages, Is.EqualTo(new[] { new ChatMessage("system", "S"), new ChatMessage("user", "Hi") }));
            Assert.That(prompt.TemplateVariables!.ToJsonString(), Is.EqualTo("""{"x":1,"y":2}"""));
            Assert.That(before.TemplateVariables!.ToJsonString(), Is.EqualTo("""{"x":1,"y":1}"""), "the defaults are not changed");
            Assert.That((prompt.Tools, prompt.AllowSpecialTokens, read.MaxNewTokens), Is.EqualTo((before.Tools, true, 9)));
            Assert.That(read.StopStrings, Is.EqualTo(new[] { "a" }));
        });
    }

    [Test]
    public void ASystemMessageReplacesThatOfTheDefaults()
    {
        GenerationRequest defaults = Chat with { Prompt = new ChatPrompt([new ChatMessage("system", "S")]) };

        Assert.That(Turns("""{"prompt": "Hi", "system": "T"}"""), Is.EqualTo("system T, user Hi"));
        Assert.That(Turns("""{"messages": [{"role": "developer", "content": "T"}]}"""), Is.EqualTo("developer T"));

        string Turns(string json) => string.Join(", ", ((ChatPrompt)Read(json, defaults).Prompt).Messages.Select(turn => $"{turn.Role} {turn.Content}"));
    }

    [Test]
    public void ARawPromptIsText() => Assert.That(Read("""{"prompt": "Hi"}""", Raw).Prompt, Is.EqualTo(new TextPrompt("Hi")));

    [Test]
    public void FurtherKeysAreTheCallers()
    {
        Assert.That(() => Read("""{"prompt": "Hi", "id": 1}""", Raw), Throws.ArgumentException.With.Message.EqualTo("unknown key \"id\""));
        Assert.That(RequestJson.Read(Parse("""{"prompt": "Hi", "id": 1}"""), Raw, ["id"]).Prompt, Is.EqualTo(new TextPrompt("Hi")));
    }

    [Test]
    public void AByteOrderMarkMayPrecedeTheText() => Assert.That(Read("\uFEFF{\"prompt\": \"Hi\"}", Raw).Prompt, Is.EqualTo(new TextPrompt("Hi")));

    [TestCase("""{"prompt": "x", "max_new_tokens": NaN}""", "max_new_tokens must be a whole number from -2147483648 to 2147483647, not NaN")]
    [TestCase("""{"prompt": "x", "top_p": NaN}""", "top_p must be above 0, at most 1, not NaN")]
    [TestCase("""{"prompt": NaN}""", "prompt must be text, not NaN")]
    [TestCase("""{"prompt": "x", "system": -Infinity}""", "system must be text, not -Infinity")]
    [TestCase("""{"prompt": "x", "stop": [Infinity]}""", "stop[0] must be text, not Infinity")]
    [TestCase("""{"prompt": "x", "thinking": NaN}""", "thinking must be text, not NaN")]
    [TestCase("""{"prompt": "x", "tools": [{"limits": [1, NaN]}]}""", "tools[0].limits[1] must not be NaN")]
    [TestCase("""{"prompt": "x", "template_vars": {"a": {"b": Infinity}}}""", "the template variable 'a'.b must not be Infinity")]
    [TestCase("""{"messages": [{"role": "user", "content": "x", "weight": NaN}]}""", "messages[0].weight must not be NaN")]
    [TestCase("""{"prompt": "x", "top_p": "0123456789012345678901234567890123456789012345678901234567😀"}""",
        "top_p must be a number, not \"0123456789012345678901234567890123456789012345678901234567…")]
    [TestCase("""{"prompt": "x", "max_new_tokens": 0}""", "max_new_tokens must be 1 or more, not 0")]
    [TestCase("""{"prompt": "x", "thinking": "ajar"}""", "thinking must be \"auto\", \"open\" or \"closed\", not \"ajar\"")]
    [TestCase("3", "the request is not a JSON object")]
    public void AnErrorNamesTheKey(string json, string message) =>
        Assert.That(() => Read(json, Chat), Throws.InstanceOf<ArgumentException>().With.Message.EqualTo(message));

    [TestCase("{\"a\": 1,}", "the text is broken JSON at column 9")]
    [TestCase("{\n\"a\": 1,}", "the text is broken JSON at line 2, column 8")]
    [TestCase("{\"a\": 1, \"a\": 1}", "the text is broken JSON: the key 'a' occurs twice (a duplicate), at column 10")]
    public void WhatIsNoJsonIsAnErrorWithItsPlace(string json, string message) =>
        Assert.That(() => Parse(json), Throws.TypeOf<ArgumentException>().With.Message.EqualTo(message));

    [Test]
    public void InvalidUtf8IsAnErrorWithItsPlace() => Assert.That(() => RequestJson.Parse(new byte[] { (byte)'"', 0xFF, (byte)'"' }),
        Throws.TypeOf<ArgumentException>().With.Message.EqualTo("the text is broken: it is not UTF-8, at byte 2"));

    [Test]
    public void TemplateVariablesMayHaveAnyKey()
    {
        Assert.That(RequestJson.ReadTemplateVariables(Parse("""{"a": [1]}"""), "chat_template_kwargs").ToJsonString(), Is.EqualTo("""{"a":[1]}"""));
        Assert.That(() => RequestJson.ReadTemplateVariables(Parse("[]"), "chat_template_kwargs"),
            Throws.InstanceOf<ArgumentException>().With.Message.EqualTo("chat_template_kwargs must be an object, not []"));
    }

    private static System.Text.Json.JsonElement Parse(string json) => RequestJson.Parse(Encoding.UTF8.GetBytes(json));

    private static GenerationRequest Read(string json, GenerationRequest defaults) => RequestJson.Read(Parse(json), defaults);
}
