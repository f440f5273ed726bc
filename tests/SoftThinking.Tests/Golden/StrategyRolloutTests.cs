using NUnit.Framework;

namespace SoftThinking.Tests.Golden;

/// <summary>Whole generations of every strategy and early exit, against float64.</summary>
[Category("Golden")]
[NonParallelizable] // the instruction set is one of the process
public class StrategyRolloutTests
{
    private static IEnumerable<TestCaseData> Rollouts() =>
        from name in GoldenRollout.Names
        from place in new[] { "scalar", "avx2", "avx512", "avx512bf16", TestDevice.Kernels.Name }
        select new TestCaseData(name, place);

    [Test]
    public void RolloutsAreThere()
    {
        if (TestData.FindGolden("strategies") == null)
            Assert.Ignore("no golden strategies: tests/data/strategies, or SOFTTHINKING_GOLDEN/strategies");
        Assert.That(Rollouts().Count(), Is.GreaterThan(0));
    }

    /// <summary>With the exact cache: the rounding of bf16 moves these flat random distributions to other tokens.</summary>
    /// <param name="place">An instruction set of the CPU, or the CUDA kernels.</param>
    [TestCaseSource(nameof(Rollouts))]
    public async Task Rollout(string name, string place)
    {
        using GoldenRollout rollout = new(name);
        await using Engine engine = Load(rollout.Model, place);
        GeneratedSample sample = (await engine.GenerateAsync(rollout.Request(engine))).Samples[0];
        int tokens = rollout.File.Read<int>("token").Length;
        ExpectedSteps steps = new(rollout.File);
        for (int step = 0; step < Math.Min(tokens, sample.Tokens.Count); step++)
            steps.Check(sample.Tokens[step], step);
        Assert.That(sample.Tokens, Has.Count.EqualTo(tokens));
        Assert.That(sample.FinishReason, Is.EqualTo(rollout.File.Read<byte>("finished")[^1] == 2 ? FinishReason.LowConfidence : FinishReason.Length));
    }

    private static Engine Load(string model, string place)
    {
        TestDevice device = place == TestDevice.Kernels.Name ? TestDevice.Kernels : TestDevice.Cpu;
        using IDisposable? isa = device == TestDevice.Cpu ? NativeEnvironment.Set("SOFTTHINKING_ISA", place) : null;
        try
        {
            return Engine.Load(model, device.Options() with { KvDtype = KvDtype.F32, MaxSequences = 2, MaxTopk = 1024 });
        }
        catch (BackendException error) when (error.Message.Contains("SOFTTHINKING_ISA", StringComparison.Ordinal))
        {
            Assert.Ignore(error.Message);
            throw;
        }
    }
}
