using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;
using SoftThinking.Templating;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests;

/// <summary>The text of a model whose tokenizer puts a space before a text, as SentencePiece does: where the space belongs to what is generated.</summary>
public class ContinuedTextTests
{
    private Engine _engine = null!;
    private int _the;

    [OneTimeSetUp]
    public void Load()
    {
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(TestData.RepositoryRoot, "tests", "data", "tokenizer-steps", "prepend-bytes"));
        _the = tokenizer.TokenId("▁the")!.Value;
        ModelConfig config = ModelShape.Published[0].Config with
        {
            HiddenSize = 64,
            Layers = 1,
            Heads = 4,
            KvHeads = 2,
            HeadDim = 16,
            FfnSize = 96,
            VocabularySize = tokenizer.VocabularySize,
            BosId = null,
            EosIds = [2],
        };
        using RandomTensors tensors = new("characters", config, seed: 0);
        _engine = Engine.Create(tensors, tokenizer, () => ChatTemplate.Parse("{{ messages[0].content }}", "test"), TestDevice.Cpu.Options());
    }

    [OneTimeTearDown]
    public async Task Free() => await _engine.DisposeAsync();

    private static IEnumerable<TestCaseData> Prompts()
    {
        ChatPrompt chat = new([new ChatMessage("user", "What is")]);
        yield return new TestCaseData(new TextPrompt("What is"), " the the").SetArgDisplayNames("text");
        yield return new TestCaseData(new TokenPrompt([new(1), new(70)]), " the the").SetArgDisplayNames("tokens");
        yield return new TestCaseData(new TokenPrompt([new(1)]), "the the").SetArgDisplayNames("no text");
        yield return new TestCaseData(chat, "the the").SetArgDisplayNames("chat");
        yield return new TestCaseData(chat with { AddGenerationPrompt = false }, " the the").SetArgDisplayNames("end of a chat");
    }

    [TestCaseSource(nameof(Prompts))]
    public async Task TheFirstSpaceIsKeptWhereTheTextFollowsAPrompt(Prompt prompt, string expected)
    {
        GeneratedSample sample = await GenerateAsync(new() { Prompt = prompt, Sampling = Forced, MaxNewTokens = 2 });
        Assert.That(TextOf(sample), Is.EqualTo(expected));
    }

    [TestCaseSource(nameof(Prompts))]
    public async Task StopStringsAreFoundInThatText(Prompt prompt, string expected)
    {
        GeneratedSample sample = await GenerateAsync(new() { Prompt = prompt, Sampling = Forced, StopStrings = [" the"], MaxNewTokens = 9 });
        Assert.That(sample.Stop?.Text, Is.EqualTo(" the"));
        Assert.That(TextOf(sample), Is.EqualTo(expected[..expected.IndexOf(" the", StringComparison.Ordinal)]));
    }

    /// <summary>What is forced after the thought is encoded without a space that its text does not have.</summary>
    [Test]
    public async Task AForcedTextHasNoSpaceBeforeIt()
    {
        SamplingOptions sampling = Forced with { ThinkStart = "<n>", ThinkEnd = "<|end|>", ThinkEndText = "Hello there", MaxThinkingTokens = 1 };
        GeneratedSample sample = await GenerateAsync(
            new() { Prompt = new TextPrompt("What is"), Thinking = ThinkingStart.Open, Sampling = sampling, MaxNewTokens = 40 });
        Assert.That(TextOf(sample), Does.StartWith(" the<|end|>Hello there the the"));
    }

    private SamplingOptions Forced => new() { SoftThinking = false, Seed = 0, LogitBias = new Dictionary<int, float> { [_the] = 1000 } };

    private async Task<GeneratedSample> GenerateAsync(GenerationRequest request) => (await _engine.GenerateAsync(request)).Samples[0];

    private static string TextOf(GeneratedSample sample) => string.Concat(sample.Tokens.Select(token => token.Text));
}
