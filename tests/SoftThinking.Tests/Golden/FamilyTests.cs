using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>Small random checkpoints of further families, against logits and rollouts computed in float64.</summary>
[Category("Golden")]
public class FamilyTests
{
    private const string Kind = "families";

    /// <summary>Cases that the engine has to run.</summary>
    private static readonly string[] Required =
    [
        "qwen3-yarn", "qwen3-yarn-attention-factor", "qwen3-yarn-mscale", "phi3", "phi3-longrope", "smollm3", "mistral-sliding", "qwen2-sliding", "olmo3",
        "qwen3-moe", "qwen3-moe-step2",
    ];

    /// <summary>Router logits in bf16 may be wrong by so much: a position whose margin is smaller may use other experts.</summary>
    private const float RouterError = 0.01f;

    private static IEnumerable<string> Models() => GoldenCases.Supported(Kind);

    private static IEnumerable<string> Others() => GoldenCases.Refused(Kind);

    private static IEnumerable<TestCaseData> Passes() =>
        from model in Models()
        from kv in Enum.GetValues<KvDtype>()
        from chunk in new[] { 1, 7, 16, 1000 }
        from device in TestDevice.All
        where device == TestDevice.Cpu || (kv, chunk) is (KvDtype.F32, 1000) or (KvDtype.Bf16, 16)
        select new TestCaseData(device, model, kv, chunk);

    private static IEnumerable<TestCaseData> SharedPasses() =>
        from model in Models()
        from ranks in new[] { 2, 4 }
        where TensorParallelTests.Divides(PathOf(model), ranks, WeightFormat.Stored)
        from device in TestDevice.All
        from kv in Enum.GetValues<KvDtype>()
        where device == TestDevice.Cpu || TensorParallelTests.IsEmulated(ranks, kv)
        select new TestCaseData(device, model, ranks, kv);

    private static IEnumerable<TestCaseData> Rollouts() =>
        from model in Models()
        where File.Exists(Path.Combine(PathOf(model), "rollout.safetensors"))
        from device in TestDevice.All
        from ranks in new[] { 1, 2 }
        where ranks == 1 || TensorParallelTests.Divides(PathOf(model), ranks, WeightFormat.Stored)
        let rollout = new TestCaseData(model, device, ranks)
        select device == TestDevice.Cpu || ranks == 1 ? rollout : rollout.SetCategory("Slow");

    [Test]
    public void RequiredCasesAreSupported() => GoldenCases.Check(Kind, Required);

    [Test]
    public void OthersAreRefused([ValueSource(nameof(Others))] string model) => Assert.Ignore(GoldenCases.Refusal(Kind, model)!);

    [TestCaseSource(nameof(Passes))]
    public void LogitsOfPlainTokens(TestDevice device, string model, KvDtype kv, int chunk)
    {
        using FamilyCase golden = new(PathOf(model), mixed: false);
        golden.Check(golden.Logits(device, kv, chunk), ForwardTests.ToleranceOf(kv), kv == KvDtype.F32 ? 0 : RouterError);
    }

    [TestCaseSource(nameof(Passes))]
    public void LogitsOfConceptTokens(TestDevice device, string model, KvDtype kv, int chunk)
    {
        using FamilyCase golden = new(PathOf(model), mixed: true);
        golden.Check(golden.Logits(device, kv, chunk), ForwardTests.ToleranceOf(kv), kv == KvDtype.F32 ? 0 : RouterError);
    }

    /// <summary>The newer spelling of the configuration is the same model.</summary>
    [TestCaseSource(nameof(Models))]
    public void TheNewerConfigurationGivesTheSameBits(string model)
    {
        string newer = Path.Combine(PathOf(model), "config-v5.json");
        if (!File.Exists(newer))
            Assert.Ignore("the case has one spelling");
        using TempFolder folder = new();
        foreach (string file in Directory.EnumerateFiles(PathOf(model)))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        File.Copy(newer, Path.Combine(folder.Path, "config.json"), overwrite: true);
        using FamilyCase golden = new(PathOf(model), mixed: true), same = new(folder.Path, mixed: true);
        Assert.That(Bits.Same(same.Logits(TestDevice.Cpu, KvDtype.Bf16, 1000), golden.Logits(TestDevice.Cpu, KvDtype.Bf16, 1000)), Is.True);
    }

    /// <summary>How rows are divided into passes does not show, whatever the weights are rounded to.</summary>
    [Test]
    public void ChunksDoNotShow([ValueSource(nameof(Models))] string model, [Values] KvDtype kv, [Values] WeightFormat format)
    {
        using FamilyCase golden = new(PathOf(model), mixed: true);
        float[] whole = golden.Logits(TestDevice.Cpu, kv, 1000, format: format);
        foreach (int chunk in (int[])[1, 3, 16])
            Assert.That(Bits.Same(golden.Logits(TestDevice.Cpu, kv, chunk, format: format), whole), Is.True, $"chunks of {chunk}");
        if (!IsEmulatedInChunks(model, kv, format))
            return;
        float[] emulated = golden.Logits(TestDevice.Kernels, kv, 1000, format: format);
        Assert.That(Bits.Same(golden.Logits(TestDevice.Kernels, kv, 16, format: format), emulated), Is.True, "chunks of 16, emulated");
    }

    /// <summary>Every family with one cache, and of the formats, whose kernels know no family, one with experts and one without.</summary>
    private static bool IsEmulatedInChunks(string model, KvDtype kv, WeightFormat format) =>
        kv == KvDtype.Bf16 && (format == WeightFormat.Stored || model is "qwen3-moe" or "olmo3");

    [TestCaseSource(nameof(SharedPasses))]
    public void LogitsOfSeveralDevicesHaveTheBitsOfOne(TestDevice device, string model, int ranks, KvDtype kv)
    {
        device.MustBeThere(ranks);
        using FamilyCase golden = new(PathOf(model), mixed: true);
        Assert.That(Bits.Same(golden.Logits(device, kv, 16, ranks), golden.Logits(device, kv, 16)), Is.True);
    }

    /// <summary>With the exact cache, as in <see cref="ForwardTests"/>.</summary>
    [TestCaseSource(nameof(Rollouts))]
    public Task Rollout(string model, TestDevice device, int ranks) =>
        ForwardTests.CheckRollout(PathOf(model), device, ranks, contextLength: model == "phi3-longrope" ? 256 : null);

    /// <summary>attn_factor multiplies the recommended factor of cosines and sines.</summary>
    [Test]
    public void TheAttnFactorOfYarnMultiplies()
    {
        if (!Models().Contains("qwen3-yarn") || !File.Exists(Path.Combine(PathOf("qwen3-yarn"), "config-attn-factor.json")))
            Assert.Ignore("no golden data of attn_factor");
        string from = PathOf("qwen3-yarn");
        using TempFolder folder = new();
        foreach (string file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        File.Copy(Path.Combine(from, "config-attn-factor.json"), Path.Combine(folder.Path, "config.json"), overwrite: true);
        using GoldenFile expected = new(Path.Combine(from, "expected-attn-factor.safetensors"));
        using FamilyCase golden = new(folder.Path, mixed: false);
        float[] logits = golden.Logits(TestDevice.Cpu, KvDtype.F32, 1000), wanted = expected.Read<float>("logits");
        double largest = wanted.Max(Math.Abs);
        Assert.That(logits.Zip(wanted, (found, exact) => Math.Abs(found - exact) / largest).Max(), Is.LessThan(1e-4));
    }

    private static string PathOf(string model) => GoldenCases.PathOf(Kind, model);
}
