using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Chat;

/// <summary>The model of other tests says what it is told to.</summary>
public class ScriptedModelTests
{
    private static readonly JsonNode Tools = JsonNode.Parse("""[{"type": "function", "function": {"name": "f"}}]""")!;

    private static readonly ScriptedReply[] Replies =
    [
        new("<|plain|>", "Well", ",", " hm", ",", " hm", ".", "</think>", "\n\n", "Héllo", " 日本", " }"),
        new("<|tools|>", "Hm", ",", "</think>", "<tool_call>", "{}", "</tool_call>", "<tool_call>", "{}", "</tool_call>", "[TOOL_CALLS]", "x", "[TOOL_CALLS]", "y"),
        new("<|result|>", "</think>", "\n\n", "Done."),
        new("<|direct|>", "Hm", "!"),
    ];

    private TempFolder _folder = null!;
    private Engine _engine = null!;

    [OneTimeSetUp]
    public void Load()
    {
        _folder = new TempFolder();
        ScriptedModel.Write(_folder.Path, ScriptedModel.HermesTemplate, Replies);
        _engine = Engine.Load(_folder.Path, new EngineOptions { Device = ComputeDevice.Cpu });
    }

    [OneTimeTearDown]
    public void Free()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task TheEndOfThePromptSelectsTheReply([Values] bool soft)
    {
        SamplingOptions sampling = new() { SoftThinking = soft };
        GenerationRequest plain = GenerationRequest.FromQuestion("What?") with { Sampling = sampling };
        GenerationRequest tools = GenerationRequest.FromMessages([new("user", "What?")], tools: Tools) with { Sampling = sampling };
        GenerationRequest result = GenerationRequest.FromMessages([new("user", "What?"), new("tool", "r")], tools: Tools) with { Sampling = sampling };
        GenerationRequest direct = GenerationRequest.FromMessages([new("user", "What?")], new JsonObject { ["enable_thinking"] = false }) with { Sampling = sampling };

        Assert.Multiple(async () =>
        {
            Assert.That(await Say(plain), Is.EqualTo(("Well, hm, hm.", "Héllo 日本 }")));
            Assert.That(await Say(tools), Is.EqualTo(("Hm,", "<tool_call>{}</tool_call><tool_call>{}</tool_call>xy")));
            Assert.That(await Say(result), Is.EqualTo(("", "Done.")));
        });
        if (!soft) // which starts inside a thought here
            Assert.That(await Say(direct), Is.EqualTo(("", "Hm!")));
    }

    [Test]
    public async Task AnyOtherPromptGetsTheFirstReply() => Assert.That(
        await Say(GenerationRequest.FromText("What?") with { Thinking = ThinkingStart.Open }), Is.EqualTo(("Well, hm, hm.", "Héllo 日本 }")));

    [Test]
    public async Task TheAnswerFollowsAThoughtThatIsEndedEarly([Values(0, 1, 3)] int budget)
    {
        SamplingOptions sampling = new() { MaxThinkingTokens = budget };
        Assert.That((await Say(GenerationRequest.FromQuestion("What?") with { Sampling = sampling })).Answer, Is.EqualTo("Héllo 日本 }"));
    }

    private async Task<(string Thought, string Answer)> Say(GenerationRequest request)
    {
        GeneratedSample sample = (await _engine.GenerateAsync(request)).Samples[0];
        Assert.That(sample.FinishReason, Is.EqualTo(FinishReason.Stop));
        return (sample.Thinking, sample.Answer);
    }
}
