using NUnit.Framework;
using SoftThinking.Interop.Cuda;

namespace SoftThinking.Tests;

/// <summary>The hook on the logits of each step, on the CPU, where it finds them in memory.</summary>
public class LogitsHookTests
{
    private static string Model => Path.Combine(TestData.FindGolden("forward")!, "qwen2-tied");

    private Engine _engine = null!;

    [SetUp]
    public void Load() => _engine = Engine.Load(Model, TestDevice.Cpu.Options());

    [TearDown]
    public void Free() => _engine.Dispose();

    [Test]
    public async Task SeesTheLogitsOfEveryTokenAndWhoseTheyAre()
    {
        Dictionary<(GenerationRequest Request, int Sample, int Token), int> likeliest = new(ReferenceKeys.Instance);
        _engine.LogitsHook = logits =>
        {
            Assert.That(((long)logits.Stream, (long)_engine.CudaStream), Is.EqualTo((0, 0)));
            Assert.That(logits.Vocabulary, Is.EqualTo(_engine.Config.VocabularySize));
            for (int row = 0; row < logits.Rows.Count; row++)
            {
                LogitsRow owner = logits.Rows[row];
                likeliest.Add((owner.Request, owner.Sample, owner.Token), Likeliest(Row(logits, row)));
            }
        };
        GenerationRequest[] requests = [Greedy(3), Greedy(40) with { Samples = 3 }];
        GenerationResult[] results = await Task.WhenAll(requests.Select(request => _engine.GenerateAsync(request)));
        int tokens = 0;
        for (int r = 0; r < requests.Length; r++)
        {
            for (int s = 0; s < requests[r].Samples; s++)
            {
                for (int t = 0; t < results[r].Samples[s].Tokens.Count; t++, tokens++)
                    Assert.That(likeliest[(requests[r], s, t)], Is.EqualTo(results[r].Samples[s].Tokens[t].Token.Token), $"{r} {s} {t}");
            }
        }
        Assert.That(tokens, Is.EqualTo(4 * 12));
        // A step that was launched before a stop is known may add rows, but a length is known before.
        Assert.That(likeliest, Has.Count.EqualTo(tokens));
    }

    [Test]
    public async Task ChangesTakeEffectBeforePenaltiesAndSampling()
    {
        const int Wanted = 77;
        _engine.LogitsHook = logits =>
        {
            for (int row = 0; row < logits.Rows.Count; row++)
                Row(logits, row)[Wanted] = 1e4f;
        };
        GenerationRequest request = Greedy(5) with { LogProbs = 0 };
        GeneratedSample sample = (await _engine.GenerateAsync(request)).Samples[0];
        Assert.That(sample.Tokens.Select(token => token.Token.Token), Is.All.EqualTo(Wanted));
        Assert.That(sample.Tokens.Select(token => token.LogProbs!.Token), Is.All.EqualTo(0f));
        GeneratedSample biased = (await _engine.GenerateAsync(request with
        {
            Sampling = request.Sampling with { LogitBias = new Dictionary<int, float> { [Wanted] = -100 }, FrequencyPenalty = 2 },
        })).Samples[0];
        Assert.That(biased.Tokens.Select(token => token.Token.Token), Is.All.EqualTo(Wanted), "1e4 - 100 is still the largest");
    }

    [Test]
    public async Task AnExceptionEndsTheRequestsOfTheStepAndNoOthers()
    {
        GenerationRequest bad = Greedy(9);
        string[] expected = Bits.Of((await _engine.GenerateAsync(Greedy(4))).Samples[0]);
        _engine.LogitsHook = logits =>
        {
            if (logits.Rows.Any(row => ReferenceEquals(row.Request, bad) && row.Token == 3))
                throw new InvalidOperationException("as the test wants it");
        };
        GenerationException error = (await Assert.ThrowsAsync<GenerationException>(() => _engine.GenerateAsync(bad)))!;
        Assert.That(error.Message, Is.EqualTo("the hook on the logits failed: as the test wants it"));
        Assert.That(error.InnerException, Is.TypeOf<InvalidOperationException>());
        Assert.That(Bits.Of((await _engine.GenerateAsync(Greedy(4))).Samples[0]), Is.EqualTo(expected));
        Assert.That(_engine.Statistics.BlocksUsed, Is.Zero);
    }

    [Test]
    public async Task EventsOfCudaAreRefusedOnTheCpu()
    {
        Exception? refused = null;
        _engine.LogitsHook = logits => refused = Assert.Catch(() => logits.RecordEvent(1));
        await _engine.GenerateAsync(Greedy(4) with { MaxNewTokens = 1 });
        Assert.That(refused, Is.TypeOf<BackendException>().With.Message.Contains("CPU"));
    }

    [Test]
    public async Task WithoutAHookNothingIsCalled()
    {
        int calls = 0;
        _engine.LogitsHook = _ => calls++;
        string[] hooked = Bits.Of((await _engine.GenerateAsync(Greedy(4))).Samples[0]);
        int before = calls;
        _engine.LogitsHook = null;
        Assert.That(Bits.Of((await _engine.GenerateAsync(Greedy(4))).Samples[0]), Is.EqualTo(hooked));
        Assert.That((before > 0, calls), Is.EqualTo((true, before)));
    }

    internal static unsafe Span<float> Row(StepLogits logits, int row) =>
        new((float*)logits.DevicePointer + (long)row * logits.Vocabulary, logits.Vocabulary);

    internal static int Likeliest(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int i = 1; i < row.Length; i++)
            best = row[i] > row[best] ? i : best;
        return best;
    }

    internal static GenerationRequest Greedy(int start) => new()
    {
        Prompt = new TokenPrompt([.. Enumerable.Range(start, 20).Select(id => new ConceptToken(id))]),
        Thinking = ThinkingStart.Closed,
        Sampling = new SamplingOptions { Seed = 1, SoftThinking = false, AfterThinking = new FilterOptions { Temperature = 0 } },
        MaxNewTokens = 12,
        IgnoreEndOfText = true,
    };

    private sealed class ReferenceKeys : IEqualityComparer<(GenerationRequest Request, int Sample, int Token)>
    {
        public static readonly ReferenceKeys Instance = new();

        public bool Equals((GenerationRequest Request, int Sample, int Token) x, (GenerationRequest Request, int Sample, int Token) y) =>
            ReferenceEquals(x.Request, y.Request) && (x.Sample, x.Token) == (y.Sample, y.Token);

        public int GetHashCode((GenerationRequest Request, int Sample, int Token) key) => HashCode.Combine(key.Sample, key.Token);
    }
}
