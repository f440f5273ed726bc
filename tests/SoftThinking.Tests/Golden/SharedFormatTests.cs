using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Models;
using SoftThinking.Tests.Checkpoints;
using SoftThinking.Tests.Quantization;

namespace SoftThinking.Tests.Golden;

/// <summary>Checkpoints of 8-bit floats on several devices have the bits of one. The golden ones are too small to be divided, so these are random, with
/// heads and a feed-forward network of as many blocks of columns as there are ranks.</summary>
[Category("Golden")]
public class SharedFormatTests
{
    private const int Tokens = 40;

    /// <summary>As <see cref="FormatTests"/> has them: scales of blocks, of which a rank's KV head begins in the middle; scales of rows.</summary>
    private static readonly string[] Kinds = ["fp8-block-llama", "ct-float-quantized"];

    private static readonly TempFolder Folder = new();

    [OneTimeSetUp]
    public void WriteModels()
    {
        if (TestData.FindGolden("formats") == null)
            Assert.Ignore("no golden data of formats: SOFTTHINKING_GOLDEN/formats, or that of the shared folder");
        foreach (string kind in Kinds)
            Write(kind);
    }

    [OneTimeTearDown]
    public void DeleteModels() => Folder.Dispose();

    private static IEnumerable<TestCaseData> Passes() =>
        from kind in Kinds
        from ranks in new[] { 2, 4 }
        from kv in Enum.GetValues<KvDtype>()
        from device in TestDevice.All
        where device == TestDevice.Cpu || TensorParallelTests.IsEmulated(ranks, kv)
        let pass = new TestCaseData(device, kind, ranks, kv)
        select device == TestDevice.Cpu || ranks == 2 ? pass : pass.SetCategory("Slow");

    [TestCaseSource(nameof(Passes))]
    public void LogitsHaveTheBitsOfOneDevice(TestDevice device, string kind, int ranks, KvDtype kv)
    {
        device.MustBeThere(ranks);
        float[] one = Logits(device, kind, 1, kv);
        Assert.That(Bits.Same(Logits(device, kind, ranks, kv), one), Is.True);
        Assert.That(one.Max(Math.Abs), Is.InRange(0.1, 100));
    }

    /// <summary>Also with a prefix that is computed once.</summary>
    [Test]
    public async Task GenerationsHaveTheBitsOfOneDeviceWithoutPrefixCache([ValueSource(nameof(Kinds))] string kind, [Values(1, 2, 4)] int ranks)
    {
        GenerationRequest request = FormatTests.Thinking([.. Enumerable.Range(0, Tokens).Select(IdAt)]);
        GeneratedSample alone, first, second;
        await using (Engine engine = Engine.Load(Folder.File(kind), TestDevice.Cpu.Options() with { PrefixCache = false }))
            alone = (await engine.GenerateAsync(request)).Samples[0];
        await using (Engine engine = Engine.Load(Folder.File(kind), TestDevice.Cpu.Options() with { TensorParallel = ranks }))
        {
            first = (await engine.GenerateAsync(request)).Samples[0];
            second = (await engine.GenerateAsync(request)).Samples[0];
        }
        Assert.That(Bits.Of(first), Is.EqualTo(Bits.Of(alone)));
        Assert.That(Bits.Of(second), Is.EqualTo(Bits.Of(alone)));
        Assert.That((first.Usage.CachedTokens, second.Usage.CachedTokens), Is.EqualTo((0, 32)));
        Assert.That(alone.Tokens.Any(token => token.Token.Count > 1), Is.True);
    }

    private static float[] Logits(TestDevice device, string kind, int ranks, KvDtype kv)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Folder.File(kind));
        Assert.That(ModelWeights.FormatOf(checkpoint, WeightFormat.Stored), Is.EqualTo(MatrixFormat.Fp8));
        using ForwardPass pass = new(device, checkpoint, kv, entries: 1, Tokens, Tokens, ranks: ranks);
        return pass.Logits((ConceptToken[])[.. Enumerable.Range(0, Tokens).Select(i => new ConceptToken(IdAt(i)))], 0);
    }

    private static int IdAt(int position) => position * position % 251;

    /// <summary>Writes a model like the golden one of that name, but larger. One matrix is no 8-bit floats.</summary>
    private static void Write(string kind)
    {
        string folder = Folder.File(kind);
        CheckpointCopy.Make(Path.Combine(TestData.FindGolden("formats")!, kind), folder, (_, _) => null, AddTensors, config =>
        {
            foreach ((string key, int value) in (ReadOnlySpan<(string, int)>)
                [("hidden_size", 136), ("num_attention_heads", 8), ("num_key_value_heads", 4), ("head_dim", 64), ("intermediate_size", 500)])
                config[key] = value;
            if (kind.StartsWith("fp8", StringComparison.Ordinal))
                config["quantization_config"]!["modules_to_not_convert"] = new JsonArray("lm_head", "model.layers.1.mlp.down_proj");
        });

        void AddTensors(SafetensorsWriter writer)
        {
            Random random = new(5);
            ModelTensors tensors = ModelTensors.Of(ModelShard.All(ModelConfig.Load(Path.Combine(folder, "config.json"))));
            foreach ((string name, int size) in tensors.StoredVectors)
                writer.Add(name, [size], [.. Enumerable.Range(0, size).Select(_ => 1 + random.NextSingle())]);
            foreach ((string name, (int rows, int cols)) in tensors.StoredMatrices)
            {
                float[] values = [.. Enumerable.Range(0, rows * cols).Select(_ => 2 * random.NextSingle() - 1)];
                float size = MathF.Sqrt(3f / cols);
                if (!name.Contains("_proj", StringComparison.Ordinal) || name.Contains("layers.1.mlp.down_proj", StringComparison.Ordinal))
                {
                    writer.Add(name, "BF16", [rows, cols], MemoryMarshal.AsBytes(values.Select(value => Narrow(size * value)).ToArray().AsSpan()).ToArray());
                    continue;
                }
                writer.Add(name, "F8_E4M3", [rows, cols], [.. values.Select(value => E4M3.Round(value * E4M3.Largest))]);
                (string suffix, int high, int wide) = kind.StartsWith("fp8", StringComparison.Ordinal) ? ("_scale_inv", 128, 128) : ("_scale", 1, cols);
                int blockRows = (rows + high - 1) / high, blockCols = (cols + wide - 1) / wide;
                float[] scales = [.. Enumerable.Range(0, blockRows * blockCols).Select(_ => size * (0.5f + random.NextSingle()) / E4M3.Largest)];
                writer.Add(name + suffix, [blockRows, blockCols], scales);
            }
        }
    }

    private static ushort Narrow(float value) => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
}
