using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;
using SoftThinking.Execution;
using SoftThinking.Interop;

namespace SoftThinking.Tests.Golden;

/// <summary>Models with the sizes that choose the kernels of published models (heads of 64 and 128 elements, products over 512 columns
/// and more, steps of 1 to 128 rows), against f64.</summary>
[Category("Golden")]
public class ProductionShapeTests
{
    private const int Tokens = 150;

    private static readonly ModelConfig[] Shapes =
    [
        Shape(heads: 7, kvHeads: 1, headDim: 64), // Qwen2.5-0.5B has groups of 7
        Shape(heads: 4, kvHeads: 2, headDim: 128) with { Architecture = ModelArchitecture.Qwen3, QkvBias = false },
    ];

    private static IEnumerable<TestCaseData> Passes() =>
        from config in Shapes
        from device in TestDevice.All
        from dtype in device == TestDevice.Cpu ? [TensorDtype.BF16] : new[] { TensorDtype.BF16, TensorDtype.F16 }
        let pass = new TestCaseData(device, config, dtype) { TestName = $"LogitsAndBits({device}, heads of {config.HeadDim}, {dtype})" }
        select device == TestDevice.Cpu ? pass : pass.SetCategory("Slow");

    /// <summary>One pass agrees with f64, and passes in chunks of any size have its bits.</summary>
    [TestCaseSource(nameof(Passes))]
    public void LogitsAndBits(TestDevice device, ModelConfig config, object stored)
    {
        TensorDtype dtype = (TensorDtype)stored;
        using RandomModel model = new(config, dtype, seed: 7);
        int[] ids = [.. Enumerable.Range(0, Tokens).Select(i => (i * i + 3 * i) % config.VocabularySize)];
        double[][] expected = new ReferenceForward(model).Logits(ids);
        double largest = expected.Max(row => row.Max(Math.Abs));
        float[] whole = Logits(device, model, dtype, ids, [Tokens]);
        for (int i = 0; i < whole.Length; i++)
        {
            double exact = expected[i / config.VocabularySize][i % config.VocabularySize];
            if (!(Math.Abs(whole[i] - exact) <= 2e-2 * largest))
                Assert.Fail($"row {i / config.VocabularySize}, id {i % config.VocabularySize}: {whole[i]}, expected {exact}");
        }
        foreach (int[] chunks in new int[][] { [128, 8, 8, 1, 1, 1, 1, 1, 1], [65, 64, 16, 5], [33, 32, 17, 16, 9, 8, 7, 28] })
            Assert.That(Bits.Same(Logits(device, model, dtype, ids, chunks), whole), Is.True, $"chunks of {string.Join(", ", chunks)}");
    }

    /// <summary>On a GPU, activations have the checkpoint's 16-bit format, so that its products run on tensor cores.</summary>
    [TestCase(TensorDtype.F16, NativeDtype.F16)]
    [TestCase(TensorDtype.BF16, NativeDtype.Bf16)]
    [TestCase(TensorDtype.F32, NativeDtype.Bf16)]
    public void ActivationsFollowTheCheckpoint(object stored, object activations)
    {
        using RandomModel model = new(Shapes[0] with { Layers = 1 }, (TensorDtype)stored, seed: 1);
        EngineOptions options = TestDevice.Kernels.Options() with { Activations = null, MaxSequences = 1, ContextLength = 16 };
        using LoadedModel loaded = LoadedModel.Load(model, options, new ListLogger());
        Assert.That(loaded.Device.Query().ActivationDtype, Is.EqualTo((NativeDtype)activations));
    }

    private static float[] Logits(TestDevice device, RandomModel model, TensorDtype dtype, int[] ids, int[] chunks)
    {
        NativeDtype activations = device == TestDevice.Cpu ? NativeDtype.F32 : dtype == TensorDtype.F16 ? NativeDtype.F16 : NativeDtype.Bf16;
        using ForwardPass pass = new(device, model, KvDtype.Bf16, entries: 1, chunks.Max(), ids.Length, activations);
        List<float> logits = [];
        foreach (int count in chunks)
        {
            int first = logits.Count / model.Config.VocabularySize;
            logits.AddRange(pass.Logits(ids.AsMemory(first, count).ToArray().Select(id => new ConceptToken(id)).ToArray(), first));
        }
        return [.. logits];
    }

    private static ModelConfig Shape(int heads, int kvHeads, int headDim) => ModelShape.Published[0].Config with
    {
        HiddenSize = 512,
        Layers = 2,
        Heads = heads,
        KvHeads = kvHeads,
        HeadDim = headDim,
        FfnSize = 650, // no multiple of a tile
        VocabularySize = 257,
    };
}
