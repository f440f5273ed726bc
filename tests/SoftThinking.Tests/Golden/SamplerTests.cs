using NUnit.Framework;
using SoftThinking.Interop;

namespace SoftThinking.Tests.Golden;

/// <summary>The sampler through the table of native functions, against concept tokens computed in float64.</summary>
[Category("Golden")]
public class SamplerTests
{
    private const double Tolerance = 2e-5;

    private static IEnumerable<string> Cases() =>
        TestData.FindGolden("sampler") is string folder
            ? Directory.EnumerateFiles(folder, "*.safetensors").Select(path => Path.GetFileName(path)!).Order()
            : [];

    private static IEnumerable<string> CasesWithKeptDistribution() => Cases().Where(name =>
    {
        using GoldenFile golden = new(Path.Combine(TestData.FindGolden("sampler")!, name));
        return golden.Has("filtered");
    });

    [Test]
    public void GoldenCasesAreThere()
    {
        if (!Cases().Any())
            Assert.Ignore("no golden sampler data: tests/data/sampler, or SOFTTHINKING_GOLDEN/sampler");
        Assert.That(Cases().Count(), Is.GreaterThan(0));
    }

    [Test]
    public void ConceptTokens([ValueSource(nameof(Cases))] string name)
    {
        using GoldenFile golden = new(Path.Combine(TestData.FindGolden("sampler")!, name));
        int n = golden.Columns("topk_probs");
        (int[] ids, float[] weights, StepInfo[] info) = Sample(golden, n);
        float[] entropy = golden.Read<float>("entropy"), probs = golden.Read<float>("topk_probs");
        int[] indices = golden.Read<int>("topk_indices");
        for (int row = 0; row < info.Length; row++)
        {
            Assert.That(info[row].Entropy, Is.EqualTo(entropy[row]).Within(Tolerance), $"entropy of row {row}");
            for (int i = row * n; i < (row + 1) * n; i++)
            {
                Assert.That(ids[i], Is.EqualTo(indices[i]), $"row {row}, id {i % n}");
                Assert.That(weights[i], Is.EqualTo(probs[i]).Within(Tolerance), $"row {row}, weight {i % n}");
            }
        }
    }

    /// <summary>All that the filters keep, seen through the widest mixture there is.</summary>
    [Test]
    public void KeptDistributions([ValueSource(nameof(CasesWithKeptDistribution))] string name)
    {
        using GoldenFile golden = new(Path.Combine(TestData.FindGolden("sampler")!, name));
        const int Widest = 1024;
        int vocabulary = golden.Columns("logits");
        float[] filtered = golden.Read<float>("filtered");
        (int[] ids, float[] weights, StepInfo[] info) = Sample(golden, Widest);
        for (int row = 0; row < info.Length; row++)
        {
            ReadOnlySpan<float> expected = filtered.AsSpan(row * vocabulary, vocabulary);
            int support = vocabulary - expected.Count(0f);
            int kept = Widest - weights.AsSpan(row * Widest, Widest).Count(0f);
            Assert.That(kept, Is.EqualTo(Math.Min(support, Widest)), $"entries of row {row}");
            double mass = 0;
            for (int i = row * Widest; i < row * Widest + kept; i++)
                mass += expected[ids[i]];
            for (int i = row * Widest; i < row * Widest + kept; i++)
                Assert.That(weights[i], Is.EqualTo(expected[ids[i]] / mass).Within(Tolerance), $"row {row}, id {ids[i]}");
        }
    }

    private static (int[] Ids, float[] Weights, StepInfo[] Info) Sample(GoldenFile golden, int n)
    {
        float[] logits = golden.Read<float>("logits"), temperature = golden.Read<float>("temperature");
        float[] topP = golden.Read<float>("top_p"), minP = golden.Read<float>("min_p");
        int[] topK = golden.Read<int>("top_k");
        int rows = temperature.Length, vocabulary = golden.Columns("logits");
        SlotSampling[] sampling = [.. Enumerable.Range(0, rows).Select(r => new SlotSampling
        {
            Thinking = new Filter { Temperature = temperature[r], TopK = topK[r], TopP = topP[r], MinP = minP[r] },
            Soft = 1,
            MaxTopk = n,
            MaxThinkingTokens = -1,
            LengthThreshold = 1,
        })];
        SequenceState[] states = [.. Enumerable.Repeat(new SequenceState { Thinking = 1, ForcedNext = -1, Opening = -1 }, rows)];
        return Run(logits, vocabulary, sampling, states, n);
    }

    private static unsafe (int[] Ids, float[] Weights, StepInfo[] Info) Run(
        float[] logits, int vocabulary, SlotSampling[] sampling, SequenceState[] states, int n)
    {
        int rows = sampling.Length;
        using Device device = Device.Open(Backend.Cpu, threads: 2);
        using DeviceStream stream = new(device);
        SampleOperation operation = new() { Rows = rows, Vocabulary = vocabulary, Entries = n };
        using DeviceArena arena = DeviceArena.Allocate(device, arena =>
        {
            operation.Logits = arena.Reserve<float>(logits.Length);
            operation.Slots = arena.Reserve<int>(rows);
            operation.Sampling = arena.Reserve<SlotSampling>(rows);
            operation.States = arena.Reserve<SequenceState>(rows);
            operation.SlotIds = arena.Reserve<int>(rows * n);
            operation.SlotWeights = arena.Reserve<float>(rows * n);
            operation.OutIds = arena.Reserve<int>(rows * n);
            operation.OutWeights = arena.Reserve<float>(rows * n);
            operation.OutInfo = arena.Reserve<StepInfo>(rows);
            operation.Workspace = arena.Reserve((long)device.Api->SampleWorkspaceBytes(rows, vocabulary));
        });
        stream.Upload<float>(logits, operation.Logits);
        stream.Upload<int>([.. Enumerable.Range(0, rows)], operation.Slots);
        stream.Upload<SlotSampling>(sampling, operation.Sampling);
        stream.Upload<SequenceState>(states, operation.States);
        stream.Sample(operation);
        int[] ids = new int[rows * n];
        float[] weights = new float[rows * n];
        StepInfo[] info = new StepInfo[rows];
        stream.Download<int>(operation.OutIds, ids);
        stream.Download<float>(operation.OutWeights, weights);
        stream.Download<StepInfo>(operation.OutInfo, info);
        stream.Synchronize();
        return (ids, weights, info);
    }
}
