using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests;

/// <summary>Models of random weights.</summary>
public class RandomModelTests
{
    private static readonly ModelConfig Small = ModelShape.Published[0].Config with
    {
        HiddenSize = 64,
        Layers = 2,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 16,
        FfnSize = 96,
        VocabularySize = 500,
        BosId = null,
        EosIds = [258],
    };

    private static readonly ModelConfig[] Kinds =
    [
        Small,
        Small with { TieWordEmbeddings = false },
        Small with { Architecture = ModelArchitecture.Qwen3, QkvBias = false, HeadDim = 32 },
        Small with { Architecture = ModelArchitecture.Llama, QkvBias = false, RopeScaling = new Llama3RopeScaling(8, 1, 4, 8192) },
    ];

    [Test]
    public async Task EveryKindThinksSoftlyAndTheSame([ValueSource(nameof(Kinds))] ModelConfig config)
    {
        string[] one = Bits.Of(await Generate(config, 0));

        Assert.That(Bits.Of(await Generate(config, 0)), Is.EqualTo(one));
        Assert.That(Bits.Of(await Generate(config, 1)), Is.Not.EqualTo(one));
    }

    [Test]
    public void TensorsAreRandomAndDiffer()
    {
        using RandomTensors tensors = new("small", Small, 5);
        float[] gate = Read(tensors.Get("model.layers.0.mlp.gate_proj.weight", [96, 64]));
        float[] up = Read(tensors.Get("model.layers.0.mlp.up_proj.weight", [96, 64]));

        Assert.That(gate.Average(), Is.Zero.Within(0.001));
        Assert.That(Math.Sqrt(gate.Average(value => value * value)), Is.EqualTo(0.02).Within(0.001));
        Assert.That(gate.Zip(up).Count(pair => pair.First == pair.Second), Is.LessThan(gate.Length / 100));
        Assert.That(Read(tensors.Get("model.norm.weight", [64])), Is.All.EqualTo(1f));
        Assert.That(() => tensors.Get("huge", [500, 65]), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [TestCase("qwen2.5-0.5b", 494_032_768)]
    [TestCase("qwen2.5-1.5b", 1_543_714_304)]
    [TestCase("qwen2.5-7b", 7_615_616_512)]
    [TestCase("qwen3-8b", 8_190_735_360)]
    [TestCase("qwen3-30b-a3b", 30_532_122_624)]
    [TestCase("llama-3.1-8b", 8_030_261_248)]
    public void ShapesHaveThePublishedNumberOfParameters(string name, long parameters) =>
        Assert.That(ModelShape.Published.Single(shape => shape.Name == name).Parameters, Is.EqualTo(parameters));

    private static async Task<GeneratedSample> Generate(ModelConfig config, ulong seed)
    {
        await using Engine engine = EngineDiagnostics.LoadRandom(new ModelShape("small", config), new EngineOptions { ContextLength = 256 }, seed);
        GenerationRequest request = new()
        {
            Prompt = new TokenPrompt([.. engine.Tokenizer.Encode("What?", addSpecialTokens: false).Select(id => new ConceptToken(id))]),
            Sampling = new SamplingOptions { Seed = 0, EarlyStoppingEntropyThreshold = 0 },
            MaxNewTokens = 20,
            IgnoreEndOfText = true,
        };
        GeneratedSample sample = (await engine.GenerateAsync(request)).Samples[0];
        Assert.That(sample.Tokens, Has.Count.EqualTo(20));
        Assert.That(sample.Tokens[0].Soft);
        Assert.That(sample.Tokens[0].Token.Count, Is.EqualTo(10));
        return sample;
    }

    private static unsafe float[] Read(Tensor tensor)
    {
        ReadOnlySpan<ushort> values = new((void*)tensor.Data, (int)(tensor.Bytes / 2));
        float[] read = new float[values.Length];
        for (int i = 0; i < read.Length; i++)
            read[i] = BitConverter.UInt32BitsToSingle((uint)values[i] << 16);
        return read;
    }
}
