using NUnit.Framework;
using SoftThinking.Diagnostics;
using SoftThinking.Interop;

namespace SoftThinking.Tests;

/// <summary>Prompts multiplied by another library, which the emulated device has a stand-in for.</summary>
[NonParallelizable]
public class FastPrefillTests
{
    private static string Model => Path.Combine(TestData.FindGolden("forward")!, "qwen2");

    private static EngineOptions Options(bool fast) =>
        TestDevice.Kernels.Options(activations: NativeDtype.Bf16) with { FastPrefill = fast, StepTokens = 1024, MaxSequences = 2 };

    /// <summary>The stand-in sums in another order: a step of 512 rows and more shows it, a shorter one must not.</summary>
    [Test]
    [Category("Slow")]
    public async Task LongPromptsUseTheVendorsLibraryAndDecodingDoesNot()
    {
        await using Engine own = Engine.Load(Model, Options(fast: false)), fast = Engine.Load(Model, Options(fast: true));
        Assert.That(own.FastPrefill(), Is.Null);
        if (!TestDevice.Kernels.Emulated && fast.FastPrefill() is { InEffect: false } absent)
            Assert.Ignore(absent.Note);
        Assert.That(fast.FastPrefill()!.Value.Note, TestDevice.Kernels.Emulated ? Is.EqualTo("a stand-in for cuBLAS") : Does.StartWith("cuBLAS "));
        GeneratedSample expected = await Run(own, 520), given = await Run(fast, 520);
        if (TestDevice.Kernels.Emulated)
            Assert.That(Bits.Of(given), Is.Not.EqualTo(Bits.Of(expected)), "the library was not used");
        Assert.That(given.Tokens[0].Entropy, Is.EqualTo(expected.Tokens[0].Entropy).Within(0.05));
        Assert.That(given.Tokens[0].LogProbs!.Token, Is.EqualTo(expected.Tokens[0].LogProbs!.Token).Within(0.1));
        Assert.That(Bits.Of(await Run(fast, 100)), Is.EqualTo(Bits.Of(await Run(own, 100))), "a short prompt, and decoding");
    }

    [Test]
    public async Task WithoutTheLibraryTheReasonIsLoggedAndBitsAreKept()
    {
        TestDevice.Kernels.MustBeEmulated();
        using IDisposable fault = NativeEnvironment.Set(NativeEnvironment.Fault, "no-cublas");
        ListLogger logger = new();
        await using Engine own = Engine.Load(Model, Options(fast: false)), fast = Engine.Load(Model, Options(fast: true) with { Logger = logger });
        Assert.That(fast.FastPrefill(), Is.EqualTo(new FastPrefillStatus(false, "there is no library, as the test wants it")));
        Assert.That(logger.Lines, Has.Exactly(1).EqualTo("Warning Fast prefill has no effect: there is no library, as the test wants it"));
        Assert.That(Bits.Of(await Run(fast, 520)), Is.EqualTo(Bits.Of(await Run(own, 520))));
    }

    /// <summary>Scores have the bits of rows that are computed one by one, so the library is not used for them.</summary>
    [Test]
    [Category("Slow")]
    public async Task ScoresDoNotUseTheVendorsLibrary()
    {
        await using Engine own = Engine.Load(Model, Options(fast: false)), fast = Engine.Load(Model, Options(fast: true));
        if (fast.FastPrefill() is { InEffect: false } absent)
            Assert.Ignore(absent.Note);
        ScoreRequest request = new()
        {
            Prompt = new TokenPrompt([new(1)]),
            Tokens = [.. Enumerable.Range(0, 540).Select(i => new ConceptToken(i * 7 % 290 + 2))],
        };
        Assert.That(ReplayBits.Same(await fast.ScoreAsync(request), await own.ScoreAsync(request)), Is.True);
    }

    [Test]
    public async Task TheCpuSaysThatItHasNone()
    {
        EngineOptions options = TestDevice.Cpu.Options();
        await using Engine own = Engine.Load(Model, options), fast = Engine.Load(Model, options with { FastPrefill = true });
        Assert.That(fast.FastPrefill(), Is.EqualTo(new FastPrefillStatus(false, "the CPU has its own products only")));
        Assert.That(Bits.Of(await Run(fast, 520)), Is.EqualTo(Bits.Of(await Run(own, 520))));
    }

    private static async Task<GeneratedSample> Run(Engine engine, int tokens)
    {
        GenerationRequest request = new()
        {
            Prompt = new TokenPrompt([.. Enumerable.Range(0, tokens).Select(i => new ConceptToken((i * 7 + tokens) % 290 + 2))]),
            Sampling = new() { Seed = 0, SoftThinking = false, AfterThinking = new() { Temperature = 1 } },
            MaxNewTokens = 4,
            IgnoreEndOfText = true,
            LogProbs = 3,
        };
        return (await engine.GenerateAsync(request)).Samples[0];
    }
}
