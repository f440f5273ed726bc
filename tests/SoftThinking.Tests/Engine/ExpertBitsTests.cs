using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests;

/// <summary>With experts, a request gives the same bits alone and in any company: which rows share an expert does not show.</summary>
public class ExpertBitsTests
{
    private const int Requests = 12;

    private static readonly ModelShape Shape = new("experts", MakeConfig());

    /// <summary>Of eight ranks, two hold two experts, and pairs share a KV head.</summary>
    private static readonly ModelShape Wide = new("experts", MakeConfig(heads: 8, ffnSize: 140, experts: 10));

    /// <param name="First">Of the requests that come at the same time; the others follow.</param>
    private sealed record Schedule(int Threads, int MaxSequences, int StepTokens, bool PrefixCache, WeightFormat Weights, int First, int Count);

    [TestCase(15, 1)]
    [TestCase(6, 2)]
    [TestCase(100, 1, Category = "Slow")]
    public async Task AnyBatchProducesTheBitsOfTheRequestAlone(int schedules, int ranks)
    {
        Dictionary<WeightFormat, string[][]> alone = [];
        foreach (WeightFormat format in Enum.GetValues<WeightFormat>())
            alone[format] = await Alone(Shape, format);
        Assert.That(alone.Values.SelectMany(bits => bits).Distinct().Count(), Is.GreaterThan(Requests));
        // The heads of a rank are fewer elements than a block of 8-bit floats, which cannot be cut.
        WeightFormat[] formats = [.. alone.Keys.Where(format => ranks == 1 || format != WeightFormat.Fp8)];
        Gen<Schedule> any =
            from threads in Gen.Choose(1, 3)
            from sequences in Gen.Choose(2, Requests)
            from tokens in Gen.OneOf(Gen.Choose(1, 20), Gen.Choose(16, 300))
            from cache in ArbMap.Default.GeneratorFor<bool>()
            from format in Gen.Elements(formats)
            from first in Gen.Choose(0, Requests - 1)
            from count in Gen.Choose(2, Requests)
            select new Schedule(threads, sequences, tokens, cache, format, first, count);
        Prop.ForAll(Arb.From(any), schedule => Compare(schedule, ranks, alone[schedule.Weights]).GetAwaiter().GetResult())
            .Check(Config.QuickThrowOnFailure.WithMaxTest(schedules));
    }

    private static async Task Compare(Schedule schedule, int ranks, string[][] alone)
    {
        await using Engine engine = EngineDiagnostics.LoadRandom(Shape, new EngineOptions
        {
            Device = ComputeDevice.Cpu,
            Threads = schedule.Threads,
            TensorParallel = ranks,
            MaxSequences = schedule.MaxSequences,
            StepTokens = schedule.StepTokens,
            PrefixCache = schedule.PrefixCache,
            ContextLength = 256,
            Weights = schedule.Weights,
        });
        int[] numbers = [.. Enumerable.Range(schedule.First, schedule.Count).Select(i => i % Requests)];
        GenerationResult[] results = await Task.WhenAll(numbers.Select(number => engine.GenerateAsync(RequestOf(number))));
        foreach ((int number, GenerationResult result) in numbers.Zip(results))
            Assert.That(Bits.Of(result.Samples[0]), Is.EqualTo(alone[number]), $"request {number}");
    }

    [Test]
    public async Task EightRanksHaveTheBitsOfOneDevice()
    {
        string[][] alone = await Alone(Wide, WeightFormat.Stored);
        await using Engine engine = EngineDiagnostics.LoadRandom(
            Wide, new EngineOptions { Device = ComputeDevice.Cpu, Threads = 2, TensorParallel = 8, MaxSequences = Requests, ContextLength = 256 });
        GenerationResult[] results = await Task.WhenAll(Enumerable.Range(0, Requests).Select(number => engine.GenerateAsync(RequestOf(number))));
        Assert.That(results.Select(result => Bits.Of(result.Samples[0])), Is.EqualTo(alone));
        Assert.That(alone.SelectMany(bits => bits).Distinct().Count(), Is.GreaterThan(Requests));
    }

    private static async Task<string[][]> Alone(ModelShape shape, WeightFormat format)
    {
        await using Engine engine = EngineDiagnostics.LoadRandom(shape, new EngineOptions
        {
            Device = ComputeDevice.Cpu,
            Threads = 1,
            MaxSequences = 1,
            PrefixCache = false,
            ContextLength = 256,
            Weights = format,
        });
        List<string[]> bits = [];
        for (int number = 0; number < Requests; number++)
            bits.Add(Bits.Of((await engine.GenerateAsync(RequestOf(number))).Samples[0]));
        return [.. bits];
    }

    // Every third begins with a prefix that others have, too.
    private static GenerationRequest RequestOf(int number) => new()
    {
        Prompt = new TokenPrompt([
            .. Enumerable.Range(0, number % 3 == 0 ? 40 : 0).Select(i => new ConceptToken(i)),
            .. Enumerable.Range(0, 3 + 7 * number).Select(i => new ConceptToken((number * 31 + i * i) % 250))]),
        Sampling = new() { Seed = (ulong)number, SoftThinking = number % 2 == 0 },
        Thinking = ThinkingStart.Open,
        MaxNewTokens = 6 + number,
        IgnoreEndOfText = true,
    };

    // Three experts a token, and one dense layer.
    private static ModelConfig MakeConfig(int heads = 4, int ffnSize = 96, int experts = 6)
    {
        ModelConfig config = ModelShape.Published.Single(shape => shape.Name == "qwen3-30b-a3b").Config with
        {
            HiddenSize = 64,
            Layers = 3,
            Heads = heads,
            KvHeads = 2,
            HeadDim = 16,
            FfnSize = ffnSize,
            VocabularySize = 500,
            BosId = null,
            EosIds = [258],
        };
        LayerConfig sparse = config.LayerConfigs[0] with { Experts = new ExpertConfig(experts, 3, 40, Normalizes: true) };
        return config with { LayerConfigs = [sparse, sparse with { Experts = null }, sparse] };
    }
}
