using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>What rounding the weights to 8 bits costs. The figures are printed; the limits tell a broken product from a
/// rounded one.</summary>
public class Int8Tests
{
    private static IEnumerable<string> Models() => TestData.FindGolden("forward") is string folder
        ? Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)!).Order()
        : [];

    [Test]
    public void LogitsOfRandomModels(
        [ValueSource(typeof(TestDevice), nameof(TestDevice.All))] TestDevice device, [ValueSource(nameof(Models))] string model)
    {
        string folder = Path.Combine(TestData.FindGolden("forward")!, model);
        using GoldenFile expected = new(Path.Combine(folder, "expected.safetensors"));
        ConceptToken[] tokens = [.. expected.Read<int>("input_ids").Select(id => new ConceptToken(id))];
        float[] exact = expected.Read<float>("logits");
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        using ForwardPass pass = new(
            device, checkpoint, KvDtype.Bf16, 1, tokens.Length, tokens.Length, format: WeightFormat.Int8);
        float[] rounded = pass.Logits(tokens, 0);
        int vocabulary = exact.Length / tokens.Length, same = 0;
        double squares = 0, all = 0;
        for (int row = 0; row < tokens.Length; row++)
        {
            Span<float> a = exact.AsSpan(row * vocabulary, vocabulary), b = rounded.AsSpan(row * vocabulary, vocabulary);
            same += IndexOfMax(a) == IndexOfMax(b) ? 1 : 0;
            for (int i = 0; i < vocabulary; i++)
            {
                squares += (double)(a[i] - b[i]) * (a[i] - b[i]);
                all += (double)a[i] * a[i];
            }
        }
        double error = Math.Sqrt(squares / all);
        TestContext.Progress.WriteLine(FormattableString.Invariant(
            $"{model} on {device}: relative error of the logits {error:0.0000}, the same likeliest token at {same} of {tokens.Length} positions"));
        Assert.That(error, Is.LessThan(0.05));
    }

    [Test]
    public async Task GreedyTextOfTheDemonstrationModel()
    {
        string[] stored = await GreedyTexts(TestData.TinyReasoner, WeightFormat.Stored), rounded = await GreedyTexts(TestData.TinyReasoner, WeightFormat.Int8);
        int same = stored.Zip(rounded).Count(pair => pair.First == pair.Second);
        TestContext.Progress.WriteLine($"tiny-reasoner: the same greedy text for {same} of {stored.Length} problems");
        Assert.That(same, Is.GreaterThan(stored.Length * 8 / 10));
    }

    [Test]
    public void RoundingIsToTheNearestMultipleOfTheScale()
    {
        float[] row = [.. Enumerable.Range(0, 70).Select(i => MathF.Sin(i * 1.7f) * MathF.Pow(10, i / 32 - 1))];
        row[40] = 0;
        byte[] blocks = new byte[Int8Blocks.BlocksOf(row.Length) * Int8Blocks.BlockBytes];
        Int8Blocks.Round(row, blocks);
        for (int i = 0; i < row.Length; i++)
        {
            Span<byte> block = blocks.AsSpan(i / 32 * Int8Blocks.BlockBytes, Int8Blocks.BlockBytes);
            float scale = (float)BitConverter.ToHalf(block), value = scale * (sbyte)block[2 + i % 32];
            Assert.That(value, Is.EqualTo(row[i]).Within(scale * 0.51f), $"element {i}");
        }
        Assert.That(blocks.AsSpan()[^26..].ToArray(), Has.All.Zero, "beyond the last column");
    }

    private static async Task<string[]> GreedyTexts(string model, WeightFormat format)
    {
        await using Engine engine = Engine.Load(model, new EngineOptions { Weights = format, Device = ComputeDevice.Cpu });
        SamplingOptions greedy = new() { SoftThinking = false, AfterThinking = new() { Temperature = 0 } };
        GenerationResult[] results = await Task.WhenAll(Problems.HeldOut().Take(200)
            .Select(problem => engine.GenerateAsync(Problems.Ask(engine, problem.Question, greedy))));
        return [.. results.Select(result => result.Samples[0].Text)];
    }

    private static int IndexOfMax(ReadOnlySpan<float> values)
    {
        int best = 0;
        for (int i = 1; i < values.Length; i++)
            best = values[i] > values[best] ? i : best;
        return best;
    }
}
