using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>The logits of a model that several devices share have the bits of those on one.</summary>
[Category("Golden")]
public class TensorParallelTests
{
    public static IEnumerable<string> Models() =>
        TestData.FindGolden("forward") is string folder
            ? Directory.EnumerateDirectories(folder).Where(path => File.Exists(Path.Combine(path, "expected.safetensors"))).Order()
            : [];

    private static IEnumerable<TestCaseData> Passes() =>
        from model in Models()
        from ranks in new[] { 2, 4 }
        where Divides(model, ranks, WeightFormat.Stored)
        from kv in Enum.GetValues<KvDtype>()
        from chunk in new[] { 1, 16, 1000 }
        from device in TestDevice.All
        where device == TestDevice.Cpu || (IsEmulated(ranks, kv) && chunk == 16)
        let pass = new TestCaseData(device, model, kv, chunk, ranks).SetArgDisplayNames($"{device}", Path.GetFileName(model), $"{kv}", $"{chunk}", $"{ranks}")
        select device == TestDevice.Cpu || ranks == 2 ? pass : pass.SetCategory("Slow");

    /// <summary>The emulated device is slow: it has each number of ranks with one cache.</summary>
    internal static bool IsEmulated(int ranks, KvDtype kv) => kv == (ranks == 2 ? KvDtype.Bf16 : KvDtype.F32);

    [TestCaseSource(nameof(Passes))]
    public void LogitsHaveTheBitsOfOneDevice(TestDevice device, string model, KvDtype kv, int chunk, int ranks)
    {
        using GoldenFile expected = new(Path.Combine(model, "expected.safetensors"));
        ConceptToken[] plain = [.. expected.Read<int>("input_ids").Select(id => new ConceptToken(id))];
        Compare(device, model, kv, WeightFormat.Stored, plain, entries: 1, chunk, ranks);
        int[] ids = expected.Read<int>("mix_indices");
        float[] weights = expected.Read<float>("mix_weights");
        int n = expected.Columns("mix_indices");
        ConceptToken[] mixed =
            [.. Enumerable.Range(0, ids.Length / n).Select(i => ConceptToken.FromDevice(ids[i * n], ids.AsSpan(i * n, n), weights.AsSpan(i * n, n)))];
        Compare(device, model, kv, WeightFormat.Stored, mixed, n, chunk, ranks);
    }

    /// <summary>Blocks of 8-bit weights are never cut, so fewer models can be divided.</summary>
    [Test]
    public void LogitsOfInt8WeightsHaveTheBitsOfOneDevice([ValueSource(nameof(Models))] string model, [Values(2, 4)] int ranks)
    {
        if (!Divides(model, ranks, WeightFormat.Int8))
        {
            Assert.That(() => Engine.Load(model, new EngineOptions { Device = ComputeDevice.Cpu, Weights = WeightFormat.Int8, TensorParallel = ranks }).Dispose(),
                Throws.ArgumentException.With.Message.Contains($"cannot be divided among {ranks} devices"));
            return;
        }
        using GoldenFile expected = new(Path.Combine(model, "expected.safetensors"));
        ConceptToken[] plain = [.. expected.Read<int>("input_ids").Select(id => new ConceptToken(id))];
        Compare(TestDevice.Cpu, model, KvDtype.Bf16, WeightFormat.Int8, plain, entries: 1, chunk: 16, ranks);
    }

    /// <summary>Whether the shapes of a model allow so many ranks.</summary>
    public static bool Divides(string model, int ranks, WeightFormat format)
    {
        try
        {
            ModelShard.Make(ModelConfig.Load(Path.Combine(model, "config.json")), 0, ranks, MatrixFormat.BF16.Loaded(format, MatrixRole.Projection));
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static void Compare(TestDevice device, string model, KvDtype kv, WeightFormat format, ConceptToken[] tokens, int entries, int chunk, int ranks)
    {
        device.MustBeThere(ranks);
        using Checkpoint checkpoint = Checkpoint.Open(model);
        using ForwardPass one = new(device, checkpoint, kv, entries, chunk, tokens.Length, format: format);
        using ForwardPass many = new(device, checkpoint, kv, entries, chunk, tokens.Length, format: format, ranks: ranks);
        for (int start = 0; start < tokens.Length; start += chunk)
        {
            ReadOnlyMemory<ConceptToken> part = tokens.AsMemory(start, Math.Min(chunk, tokens.Length - start));
            Assert.That(Bits.Same(many.Logits(part, start), one.Logits(part, start)), Is.True, $"tokens from {start} on");
        }
    }
}
