using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Tests.Golden;

/// <summary>Small quantized checkpoints, against logits and rollouts computed in float64 with the values that the files hold.</summary>
[Category("Golden")]
public class FormatTests
{
    private const string Kind = "formats";

    /// <summary>Cases that the engine has to read.</summary>
    private static readonly string[] Required = ["fp8-block-llama", "fp8-block-qwen3", "ct-float-quantized"];

    private static IEnumerable<string> Models() => GoldenCases.Supported(Kind);

    private static IEnumerable<string> Others() => GoldenCases.Refused(Kind);

    private static IEnumerable<TestCaseData> Passes() =>
        from model in Models()
        from kv in Enum.GetValues<KvDtype>()
        from chunk in new[] { 1, 7, 1000 }
        from device in Devices
        where device == TestDevice.Cpu || chunk == 7
        select new TestCaseData(device, model, kv, chunk);

    private static IEnumerable<TestDevice> Devices => TestDevice.All;

    [Test]
    public void RequiredCasesAreSupported() => GoldenCases.Check(Kind, Required);

    [Test]
    public void OthersAreRefused([ValueSource(nameof(Others))] string model) => Assert.Ignore(GoldenCases.Refusal(Kind, model)!);

    [TestCaseSource(nameof(Passes))]
    public void LogitsOfPlainTokens(TestDevice device, string model, KvDtype kv, int chunk)
    {
        using GoldenFile expected = Expected(model);
        ConceptToken[] tokens = [.. expected.Read<int>("input_ids").Select(id => new ConceptToken(id))];
        Check(device, model, kv, chunk, tokens, entries: 1, expected.Read<float>("logits"));
    }

    [TestCaseSource(nameof(Passes))]
    public void LogitsOfConceptTokens(TestDevice device, string model, KvDtype kv, int chunk)
    {
        using GoldenFile expected = Expected(model);
        int[] ids = expected.Read<int>("mix_indices");
        float[] weights = expected.Read<float>("mix_weights");
        int n = expected.Columns("mix_indices");
        ConceptToken[] tokens =
            [.. Enumerable.Range(0, ids.Length / n).Select(i => ConceptToken.FromDevice(ids[i * n], ids.AsSpan(i * n, n), weights.AsSpan(i * n, n)))];
        Check(device, model, kv, chunk, tokens, n, expected.Read<float>("mix_logits"));
    }

    /// <summary>What a GPU computes by default: activations and cache of bf16, so that products are those of tensor cores.</summary>
    [Test]
    public void LogitsWithActivationsOfBf16([ValueSource(nameof(Models))] string model)
    {
        using GoldenFile expected = Expected(model);
        ConceptToken[] tokens = [.. expected.Read<int>("input_ids").Select(id => new ConceptToken(id))];
        using Checkpoint checkpoint = Checkpoint.Open(PathOf(model));
        using ForwardPass pass = new(
            TestDevice.Kernels, checkpoint, KvDtype.Bf16, entries: 1, 7, tokens.Length, NativeDtype.Bf16);
        ForwardTests.Check(pass, tokens, 7, expected.Read<float>("logits"), 3e-2);
    }

    [Test]
    public Task Rollout([ValueSource(nameof(Models))] string model, [ValueSource(nameof(Devices))] TestDevice device) =>
        ForwardTests.CheckRollout(PathOf(model), device, ranks: 1);

    /// <summary>A prompt whose first blocks are there from the one before.</summary>
    [Test]
    public async Task ThePrefixCacheDoesNotShow([ValueSource(nameof(Models))] string model, [ValueSource(nameof(Devices))] TestDevice device)
    {
        using GoldenFile expected = Expected(model);
        GenerationRequest request = Thinking(expected.Read<int>("input_ids"));
        GeneratedSample alone, first, second;
        await using (Engine engine = Engine.Load(PathOf(model), device.Options() with { PrefixCache = false, MaxSequences = 2 }))
            alone = (await engine.GenerateAsync(request)).Samples[0];
        await using (Engine engine = Engine.Load(PathOf(model), device.Options() with { MaxSequences = 2 }))
        {
            first = (await engine.GenerateAsync(request)).Samples[0];
            second = (await engine.GenerateAsync(request)).Samples[0];
        }
        Assert.That(second.Usage.CachedTokens, Is.GreaterThanOrEqualTo(16));
        Assert.That(Bits.Of(first), Is.EqualTo(Bits.Of(alone)));
        Assert.That(Bits.Of(second), Is.EqualTo(Bits.Of(alone)));
    }

    /// <summary>No block of 128 columns is cut, and these models have fewer for each rank: <see cref="SharedFormatTests"/> has larger ones.</summary>
    [Test]
    public void ModelsOfFewBlocksAreNotDivided([ValueSource(nameof(Models))] string model, [Values(2, 4)] int ranks) =>
        Assert.That(() => Engine.Load(PathOf(model), TestDevice.Cpu.Options() with { TensorParallel = ranks }).Dispose(),
            Throws.ArgumentException.With.Message.Contains($"cannot be divided among {ranks} devices").And.Message.Contains("multiple of 128"));

    /// <summary>A soft thought after a prompt.</summary>
    internal static GenerationRequest Thinking(int[] prompt) => new()
    {
        Prompt = new TokenPrompt([.. prompt.Select(id => new ConceptToken(id))]),
        Sampling = new SamplingOptions { Seed = 3, ThinkEnd = "e" },
        Thinking = ThinkingStart.Open,
        MaxNewTokens = 20,
        IgnoreEndOfText = true,
        LogProbs = 3,
    };

    private static GoldenFile Expected(string model) => new(Path.Combine(PathOf(model), "expected.safetensors"));

    private static string PathOf(string model) => GoldenCases.PathOf(Kind, model);

    private static void Check(TestDevice device, string model, KvDtype kv, int chunk, ConceptToken[] tokens, int entries, float[] expected)
    {
        using Checkpoint checkpoint = Checkpoint.Open(PathOf(model));
        using ForwardPass pass = new(device, checkpoint, kv, entries, chunk, tokens.Length);
        ForwardTests.Check(pass, tokens, chunk, expected, ForwardTests.ToleranceOf(kv));
    }
}
