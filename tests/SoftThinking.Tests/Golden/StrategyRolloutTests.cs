using NUnit.Framework;

namespace SoftThinking.Tests.Golden;

/// <summary>Whole generations of every strategy and early exit on the CPU, against float64.</summary>
[Category("Golden")]
[NonParallelizable] // the instruction set is one of the process
public class StrategyRolloutTests
{
    private static IEnumerable<TestCaseData> Rollouts() =>
        from name in GoldenRollout.Names
        from isa in new[] { "scalar", "avx2", "avx512", "avx512bf16" }
        select new TestCaseData(name, isa);

    [Test]
    public void RolloutsAreThere()
    {
        if (TestData.FindGolden("strategies") == null)
            Assert.Ignore("no golden strategies: tests/data/strategies, or SOFTTHINKING_GOLDEN/strategies");
        Assert.That(Rollouts().Count(), Is.GreaterThan(0));
    }

    [TestCaseSource(nameof(Rollouts))]
    public async Task Rollout(string name, string isa)
    {
        using IDisposable set = NativeEnvironment.Set("SOFTTHINKING_ISA", isa);
        try
        {
            await Check(name, TestDevice.Cpu);
        }
        catch (BackendException error) when (error.Message.Contains("SOFTTHINKING_ISA", StringComparison.Ordinal))
        {
            Assert.Ignore(error.Message);
        }
    }

    /// <summary>With the exact cache: the rounding of bf16 moves these flat random distributions to other tokens.</summary>
    internal static async Task Check(string name, TestDevice device)
    {
        using GoldenRollout rollout = new(name);
        await using Engine engine = Engine.Load(rollout.Model, device.Options() with { KvDtype = KvDtype.F32, MaxSequences = 2, MaxTopk = 1024 });
        GeneratedSample sample = (await engine.GenerateAsync(rollout.Request(engine))).Samples[0];
        int tokens = rollout.File.Read<int>("token").Length;
        ExpectedSteps steps = new(rollout.File);
        for (int step = 0; step < Math.Min(tokens, sample.Tokens.Count); step++)
            steps.Check(sample.Tokens[step], step);
        Assert.That(sample.Tokens, Has.Count.EqualTo(tokens));
        Assert.That(sample.FinishReason, Is.EqualTo(rollout.File.Read<byte>("finished")[^1] == 2 ? FinishReason.LowConfidence : FinishReason.Length));
    }
}

/// <summary>The same on the CUDA kernels, for which instruction sets do not matter: with other tests at the same time.</summary>
[Category("Golden")]
public class StrategyDeviceRolloutTests
{
    [TestCaseSource(typeof(GoldenRollout), nameof(GoldenRollout.Names))]
    public Task Rollout(string name) => StrategyRolloutTests.Check(name, TestDevice.Kernels);
}
