using NUnit.Framework;
using SoftThinking.Tests.Golden;

namespace SoftThinking.Tests;

/// <summary>Replay has the bits of the rollout on every instruction set that the processor has.</summary>
[NonParallelizable]
public class ReplayInstructionSetTests
{
    [Test]
    public async Task ReplayHasTheBitsOfTheRecord([Values("scalar", "avx2", "avx512", "avx512bf16")] string instructions, [Values] KvDtype kv)
    {
        using IDisposable isa = NativeEnvironment.Set("SOFTTHINKING_ISA", instructions);
        foreach (string name in (string[])["rollouts/soft-grpo-qwen2.safetensors", "rollouts/multiplex-qwen2.safetensors"])
        {
            using GoldenRollout rollout = new(name);
            await using Engine engine = Load(rollout.Model, kv);
            GenerationRequest request = rollout.Request(engine, maxNewTokens: 40);
            IReadOnlyList<GeneratedToken> recorded = (await engine.GenerateAsync(request)).Samples[0].Tokens;
            ReplayBits.AreThoseOf(recorded, await engine.ScoreAsync(ScoreRequest.Of(request, recorded)), $"{name} on {instructions}");
        }
    }

    private static Engine Load(string model, KvDtype kv)
    {
        try
        {
            return Engine.Load(model, TestDevice.Cpu.Options() with { KvDtype = kv, MaxSequences = 3, MaxTopk = 1024, StepTokens = 16 });
        }
        catch (BackendException error) when (error.Message.Contains("SOFTTHINKING_ISA", StringComparison.Ordinal))
        {
            Assert.Ignore(error.Message);
            throw;
        }
    }
}
