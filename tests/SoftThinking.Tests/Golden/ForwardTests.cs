using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Tests.Golden;

/// <summary>Small random checkpoints of every architecture, against logits and rollouts computed in float64.</summary>
[Category("Golden")]
public class ForwardTests
{
    private static IEnumerable<string> Models() => ModelsWith("expected.safetensors");

    private static IEnumerable<string> ModelsWithRollout() => ModelsWith("rollout.safetensors");

    private static IEnumerable<string> ModelsWith(string file) =>
        TestData.FindGolden("forward") is string folder
            ? Directory.EnumerateDirectories(folder).Where(path => File.Exists(Path.Combine(path, file)))
                .Select(path => Path.GetFileName(path)!).Order()
            : [];

    [Test]
    public void GoldenModelsAreThere()
    {
        if (!Models().Any())
            Assert.Ignore("no golden forward data: tests/data/forward, or SOFTTHINKING_GOLDEN/forward");
        Assert.That(Models().Count(), Is.GreaterThan(0));
    }

    /// <summary>Every model in chunks of every size; on the emulated device, which is slow, fewer, and some of them only with
    /// all tests.</summary>
    private static IEnumerable<TestCaseData> Passes() =>
        from model in Models()
        from kv in Enum.GetValues<KvDtype>()
        from chunk in new[] { 1, 16, 77, 1000 }
        from device in TestDevice.All
        where device == TestDevice.Cpu || chunk is 16 or 1000 || IsEmulatedInRowsOfOne(model, kv, chunk)
        let pass = new TestCaseData(device, model, kv, chunk)
        let quick = device == TestDevice.Cpu || (kv, chunk) is (KvDtype.F32, 1000) or (KvDtype.Bf16, 16)
        select quick ? pass : pass.SetCategory("Slow");

    /// <summary>How far logits may be from those of f32, relative to the largest.</summary>
    internal static double ToleranceOf(KvDtype kv) => kv switch
    {
        KvDtype.F32 => 1e-4,
        KvDtype.Bf16 => 2e-2,
        _ => 5e-2, // keys and values have 8 bits, and these models, of random numbers, pass every difference on
    };

    private static bool IsEmulatedInRowsOfOne(string model, KvDtype kv, int chunk) =>
        chunk == 1 && model == "qwen3" && kv == KvDtype.Bf16;

    [TestCaseSource(nameof(Passes))]
    public void LogitsOfPlainTokens(TestDevice device, string model, KvDtype kv, int chunk)
    {
        using GoldenFile expected = new(Path.Combine(TestData.FindGolden("forward")!, model, "expected.safetensors"));
        double tolerance = ToleranceOf(kv);
        using Checkpoint checkpoint = Checkpoint.Open(PathOf(model));
        using ForwardPass pass = new(device, checkpoint, kv, entries: 1, chunk, Positions(expected));
        Check(pass, PlainTokens(expected), chunk, expected.Read<float>("logits"), tolerance);
    }

    [TestCaseSource(nameof(Passes))]
    public void LogitsOfConceptTokens(TestDevice device, string model, KvDtype kv, int chunk)
    {
        using GoldenFile expected = new(Path.Combine(TestData.FindGolden("forward")!, model, "expected.safetensors"));
        int[] ids = expected.Read<int>("mix_indices");
        float[] weights = expected.Read<float>("mix_weights");
        int n = expected.Columns("mix_indices");
        ConceptToken[] tokens =
            [.. Enumerable.Range(0, ids.Length / n).Select(i => ConceptToken.FromDevice(ids[i * n], ids.AsSpan(i * n, n), weights.AsSpan(i * n, n)))];
        double tolerance = ToleranceOf(kv);
        using Checkpoint checkpoint = Checkpoint.Open(PathOf(model));
        using ForwardPass pass = new(device, checkpoint, kv, n, chunk, tokens.Length);
        Check(pass, tokens, chunk, expected.Read<float>("mix_logits"), tolerance);
    }

    /// <summary>What a GPU computes by default: activations and cache of bf16.</summary>
    [Test]
    public void LogitsWithActivationsOfBf16([ValueSource(nameof(Models))] string model, [Values(16, 1000)] int chunk)
    {
        using GoldenFile expected = new(Path.Combine(TestData.FindGolden("forward")!, model, "expected.safetensors"));
        using Checkpoint checkpoint = Checkpoint.Open(PathOf(model));
        using ForwardPass pass = new(
            TestDevice.Kernels, checkpoint, KvDtype.Bf16, entries: 1, chunk, Positions(expected), NativeDtype.Bf16);
        Check(pass, PlainTokens(expected), chunk, expected.Read<float>("logits"), 3e-2);
    }

    private static ConceptToken[] PlainTokens(GoldenFile expected) =>
        [.. expected.Read<int>("input_ids").Select(id => new ConceptToken(id))];

    private static int Positions(GoldenFile expected) => expected.Read<int>("input_ids").Length;

    private static string PathOf(string model) => Path.Combine(TestData.FindGolden("forward")!, model);

    /// <summary>Every rollout on one device, and on as many as its model can be divided among.</summary>
    private static IEnumerable<TestCaseData> Rollouts() =>
        from model in ModelsWithRollout()
        from device in TestDevice.All
        from ranks in new[] { 1, 2, 4 }
        where ranks == 1 || TensorParallelTests.Divides(PathOf(model), ranks, WeightFormat.Stored)
        let rollout = new TestCaseData(model, device, ranks)
        select device == TestDevice.Cpu || ranks == 1 ? rollout : rollout.SetCategory("Slow");

    /// <summary>With the exact cache: the rounding of bf16 moves these flat random distributions to other heads.</summary>
    [TestCaseSource(nameof(Rollouts))]
    public Task Rollout(string model, TestDevice device, int ranks) => CheckRollout(PathOf(model), device, ranks);

    /// <summary>Generates what the rollout of a checkpoint's folder recorded.</summary>
    /// <param name="contextLength">Of the engine; null: the model's.</param>
    internal static async Task CheckRollout(string folder, TestDevice device, int ranks, int? contextLength = null)
    {
        device.MustBeThere(ranks);
        using GoldenFile expected = new(Path.Combine(folder, "rollout.safetensors"));
        int[] heads = expected.Read<int>("head"), ids = expected.Read<int>("topk_indices");
        float[] probs = expected.Read<float>("topk_probs"), entropies = expected.Read<float>("entropy");
        byte[] soft = expected.Read<byte>("soft");
        int n = expected.Columns("topk_indices");
        await using Engine engine = Engine.Load(
            folder, device.Options() with { KvDtype = KvDtype.F32, MaxSequences = 2, TensorParallel = ranks, ContextLength = contextLength });
        using JsonDocument parameters = JsonDocument.Parse(expected.Metadata["parameters"]);
        GenerationRequest request = new()
        {
            Prompt = new TokenPrompt([.. expected.Read<int>("prompt").Select(id => new ConceptToken(id))]),
            Sampling = OptionsOf(parameters.RootElement, engine),
            Thinking = ThinkingStart.Open,
            MaxNewTokens = heads.Length,
            IgnoreEndOfText = true, // as the rollouts do
        };
        int step = 0;
        foreach (GeneratedToken got in (await engine.GenerateAsync(request)).Samples[0].Tokens)
        {
            string where = $"step {step}";
            Assert.That(got.Token.Token, Is.EqualTo(heads[step]), where);
            Assert.That(got.Soft, Is.EqualTo(soft[step] != 0), where);
            Assert.That(got.Entropy, Is.EqualTo(entropies[step]).Within(1e-3), where);
            for (int i = 0; i < n; i++)
            {
                bool used = i < got.Token.Count;
                Assert.That(used ? got.Token.Entries[i].Id : 0, Is.EqualTo(ids[step * n + i]), $"{where}, entry {i}");
                Assert.That(used ? got.Token.Entries[i].Weight : 0, Is.EqualTo(probs[step * n + i]).Within(1e-3), $"{where}, entry {i}");
            }
            step++;
        }
        Assert.That(step, Is.EqualTo(heads.Length));
    }

    internal static SamplingOptions OptionsOf(JsonElement parameters, Engine engine)
    {
        return new SamplingOptions
        {
            Thinking = FilterOf(parameters.GetProperty("think")),
            AfterThinking = FilterOf(parameters.GetProperty("after")),
            ThinkEnd = engine.Tokenizer.Decode([parameters.GetProperty("think_end").GetInt32()], skipSpecialTokens: false),
            EarlyStoppingEntropyThreshold = parameters.GetProperty("entropy_threshold").GetSingle(),
            EarlyStoppingLengthThreshold = parameters.GetProperty("length_threshold").GetInt32(),
            ColdStopAfterThinking = parameters.GetProperty("cold_stop_after_thinking").GetBoolean(),
            MaxTopk = parameters.GetProperty("max_topk").GetInt32(),
        };
    }

    private static FilterOptions FilterOf(JsonElement filter) => new()
    {
        Temperature = filter.GetProperty("temperature").GetSingle(),
        TopK = filter.GetProperty("top_k").GetInt32(),
        TopP = filter.GetProperty("top_p").GetSingle(),
        MinP = filter.GetProperty("min_p").GetSingle(),
    };

    internal static void Check(ForwardPass pass, ConceptToken[] tokens, int chunk, float[] expected, double tolerance)
    {
        double largest = expected.Max(Math.Abs);
        int vocabulary = expected.Length / tokens.Length;
        for (int start = 0; start < tokens.Length; start += chunk)
        {
            float[] logits = pass.Logits(tokens.AsMemory(start, Math.Min(chunk, tokens.Length - start)), start);
            for (int i = 0; i < logits.Length; i++)
            {
                double error = Math.Abs(logits[i] - expected[start * vocabulary + i]) / largest;
                if (!(error <= tolerance))
                    Assert.Fail($"row {start + i / vocabulary}, id {i % vocabulary}: {logits[i]}, expected {expected[start * vocabulary + i]}");
            }
        }
    }
}
