using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests;

/// <summary>What the profile of engine steps says of operations that only some models have.</summary>
public class ProfileTests
{
    private const int Layers = 3;

    /// <summary>The bytes of the experts are those that <see cref="ModelCost"/> has for a step of one position, which uses three of eight.</summary>
    [Test]
    public async Task ExpertsAreTimedWithTheirBytes()
    {
        ModelConfig config = Small("qwen3-30b-a3b");
        LayerConfig sparse = config.Family.Layer with { Experts = new ExpertConfig(8, 3, 40, Normalizes: true) };
        (ModelCost cost, StepProfile decode) = await DecodeAsync(config with { LayerConfigs = [sparse, sparse with { Experts = null }] }); // two of three
        OperationProfile route = One(decode, "route 1 x 3 of 8"), gateUp = One(decode, "expert_linear 3 x 64 -> 2 x 40"),
            down = One(decode, "expert_linear 3 x 40 -> 64"), combine = One(decode, "combine 1 x 3 x 64");
        OperationProfile[] all = [route, gateUp, down, combine];
        Assert.That(all.Select(operation => operation.Calls), Is.All.EqualTo(2 * decode.Steps));
        Assert.That(all.Select(operation => operation.Seconds), Is.All.GreaterThan(0));
        int activations = 2 * 3 * (64 + 40) * sizeof(float);
        Assert.That((double)(gateUp.Bytes + down.Bytes) / decode.Steps, Is.EqualTo(cost.ExpertBytes * cost.ExpertShare + 2 * activations).Within(4));
        Assert.That(gateUp.MultiplyAdds + down.MultiplyAdds, Is.EqualTo(2 * decode.Steps * 3 * 3 * 64 * 40));
        // Logits, position, and of each place id, weight, place and row; experts and places of the groups.
        Assert.That(route.Bytes, Is.EqualTo(route.Calls * sizeof(float) * (8 + 1 + 4 * 3 + 8 + 9)));
        Assert.That(combine.Bytes, Is.EqualTo(combine.Calls * sizeof(float) * (64 * (3 + 1) + 3 * 3)));
    }

    /// <summary>Olmo 3 normalizes what its sublayers add, and all queries and keys of a row.</summary>
    [Test]
    public async Task NormsAreTimedWithTheirBytes()
    {
        (_, StepProfile decode) = await DecodeAsync(Small("olmo-3-7b"));
        OperationProfile added = One(decode, "normalize 1 x 64"), keys = One(decode, "normalize 1 x 32");
        Assert.That((added.Calls, keys.Calls), Is.EqualTo((decode.Steps * 3 * Layers, decode.Steps * Layers)));
        Assert.That(added.Bytes, Is.EqualTo(decode.Steps * Layers * 64 * sizeof(float) * (3 + 3 + 2)), "two that are added to, one in place");
        Assert.That(keys.Bytes, Is.EqualTo(keys.Calls * 32 * sizeof(float) * 2));
        Assert.That(added.Seconds, Is.GreaterThan(0));
    }

    private static OperationProfile One(StepProfile steps, string name) => steps.Operations.Single(operation => operation.Name == name);

    private static async Task<(ModelCost Cost, StepProfile Decode)> DecodeAsync(ModelConfig config)
    {
        await using Engine engine = EngineDiagnostics.LoadRandom(
            new ModelShape("profiled", config), TestDevice.Cpu.Options() with { Profile = true, MaxSequences = 1, ContextLength = 64 });
        await engine.GenerateAsync(new GenerationRequest { Prompt = new TokenPrompt([new(1), new(2)]), MaxNewTokens = 9, IgnoreEndOfText = true });
        return (engine.Cost(), engine.TakeProfile().Single(step => step.Decodes));
    }

    private static ModelConfig Small(string shape) => ModelShape.Published.Single(each => each.Name == shape).Config with
    {
        HiddenSize = 64,
        Layers = Layers,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 16,
        FfnSize = 96,
        VocabularySize = 500,
        BosId = null,
        EosIds = [258],
    };
}
