using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>Small random checkpoints with sliding windows, against logits and rollouts computed in float64.</summary>
[Category("Golden")]
public class WindowTests
{
    private static readonly string[] Names = ["mistral-sliding", "qwen2-sliding"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("softthinking-");

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    private static IEnumerable<TestCaseData> Passes() =>
        from name in Names
        from kv in Enum.GetValues<KvDtype>()
        from chunk in new[] { 1, 7, 16, 1000 }
        from device in TestDevice.All
        where device == TestDevice.Cpu || chunk is 16 or 1000
        select new TestCaseData(device, name, kv, chunk);

    [TestCaseSource(nameof(Passes))]
    public void LogitsOfPlainAndConceptTokens(TestDevice device, string name, KvDtype kv, int chunk)
    {
        using GoldenFile expected = new(Path.Combine(FolderOf(name), "expected.safetensors"));
        using Checkpoint checkpoint = Checkpoint.Open(FolderOf(name));
        Check(Logits(device, checkpoint, kv, chunk, PlainTokens(expected)), expected.Read<float>("logits"));
        Check(Logits(device, checkpoint, kv, chunk, Mixtures(expected)), expected.Read<float>("mix_logits"));

        void Check(float[] logits, float[] golden)
        {
            double most = (kv == KvDtype.F32 ? 1e-4 : 2e-2) * golden.Max(Math.Abs);
            Assert.That(logits, Has.Length.EqualTo(golden.Length));
            Assert.That(logits.Zip(golden, (a, b) => Math.Abs((double)a - b)), Is.All.LessThanOrEqualTo(most));
        }
    }

    [Test]
    public void TheNewerSpellingGivesTheSameBits([ValueSource(nameof(Names))] string name)
    {
        string newer = Path.Combine(_folder.FullName, name);
        Directory.CreateDirectory(newer);
        File.Copy(Path.Combine(FolderOf(name), "config-v5.json"), Path.Combine(newer, "config.json"));
        File.Copy(Path.Combine(FolderOf(name), Checkpoint.SingleFile), Path.Combine(newer, Checkpoint.SingleFile));
        using GoldenFile expected = new(Path.Combine(FolderOf(name), "expected.safetensors"));
        using Checkpoint first = Checkpoint.Open(FolderOf(name)), second = Checkpoint.Open(newer);
        float[] logits = Logits(TestDevice.Cpu, first, KvDtype.F32, 16, Mixtures(expected));
        Assert.That(Bits.Same(Logits(TestDevice.Cpu, second, KvDtype.F32, 16, Mixtures(expected)), logits), Is.True);
    }

    /// <summary>Each step alone: the tokens that the file has for the steps before are fed.</summary>
    [Test]
    public async Task RolloutStepByStep(
        [ValueSource(nameof(Names))] string name, [ValueSource(typeof(TestDevice), nameof(TestDevice.All))] TestDevice device)
    {
        using GoldenFile expected = new(Path.Combine(FolderOf(name), "rollout.safetensors"));
        await using Engine engine = Engine.Load(FolderOf(name), device.Options() with { KvDtype = KvDtype.F32, MaxSequences = 2 });
        int[] heads = expected.Read<int>("head"), ids = expected.Read<int>("topk_indices");
        float[] probs = expected.Read<float>("topk_probs"), entropies = expected.Read<float>("entropy");
        byte[] soft = expected.Read<byte>("soft");
        int n = expected.Columns("topk_indices"), thought = Array.IndexOf(soft, (byte)0);
        List<ConceptToken> tokens = [.. expected.Read<int>("prompt").Select(id => new ConceptToken(id))];
        using JsonDocument parameters = JsonDocument.Parse(expected.Metadata["parameters"]);
        SamplingOptions sampling = ForwardTests.OptionsOf(parameters.RootElement, engine);
        for (int step = 0; step < heads.Length; step++)
        {
            GeneratedToken got = (await engine.GenerateAsync(new()
            {
                Prompt = new TokenPrompt([.. tokens]),
                Sampling = sampling with { EarlyStoppingLengthThreshold = 1 << 20 },
                Thinking = soft[step] != 0 ? ThinkingStart.Open : ThinkingStart.Closed,
                MaxNewTokens = 1,
                IgnoreEndOfText = true,
            })).Samples[0].Tokens[0];
            bool forced = step == thought - 1; // the row that ends the thought
            Assert.That(got.Entropy, Is.EqualTo(entropies[step]).Within(1e-3), $"step {step}");
            for (int i = 0; i < n && !forced; i++)
            {
                bool used = i < got.Token.Count;
                Assert.That(used ? got.Token.Entries[i].Id : 0, Is.EqualTo(ids[step * n + i]), $"step {step}, entry {i}");
                Assert.That(used ? got.Token.Entries[i].Weight : 0, Is.EqualTo(probs[step * n + i]).Within(1e-3), $"step {step}, entry {i}");
            }
            int count = Math.Max(1, Enumerable.Range(0, n).Count(i => probs[step * n + i] > 0));
            tokens.Add(ConceptToken.FromDevice(heads[step], ids.AsSpan(step * n, count), probs.AsSpan(step * n, count)));
        }
    }

    private static float[] Logits(TestDevice device, Checkpoint checkpoint, KvDtype kv, int chunk, ConceptToken[] tokens)
    {
        using ForwardPass pass = new(device, checkpoint, kv, tokens.Max(token => Math.Max(token.Count, 1)), chunk, tokens.Length);
        List<float> logits = [];
        for (int start = 0; start < tokens.Length; start += chunk)
            logits.AddRange(pass.Logits(tokens.AsMemory(start, Math.Min(chunk, tokens.Length - start)), start));
        return [.. logits];
    }

    private static ConceptToken[] PlainTokens(GoldenFile expected) => [.. expected.Read<int>("input_ids").Select(id => new ConceptToken(id))];

    private static ConceptToken[] Mixtures(GoldenFile expected)
    {
        int[] ids = expected.Read<int>("mix_indices");
        float[] weights = expected.Read<float>("mix_weights");
        int n = expected.Columns("mix_indices");
        return [.. Enumerable.Range(0, ids.Length / n).Select(i => ConceptToken.FromDevice(ids[i * n], ids.AsSpan(i * n, n), weights.AsSpan(i * n, n)))];
    }

    private static string FolderOf(string name)
    {
        string? folder = TestData.FindGolden("families") is string families ? Path.Combine(families, name) : null;
        if (folder == null || !Directory.Exists(folder))
            Assert.Ignore($"no golden data families/{name}: tests/data, SOFTTHINKING_SHARED/golden or SOFTTHINKING_GOLDEN");
        return folder!;
    }
}
