using System.Runtime.InteropServices;
using NUnit.Framework;
using SoftThinking.Diagnostics;
using SoftThinking.Interop.Cuda;

namespace SoftThinking.Tests;

/// <summary>Prompts with rows of embeddings in place of tokens.</summary>
[NonParallelizable]
public class EmbeddingPromptTests
{
    private static string Model => Path.Combine(TestData.FindGolden("forward")!, "qwen2-tied");

    /// <summary>Alone and in company, in chunks, with preemptions: rows of the table give the bits of their ids.</summary>
    [Test]
    public async Task RowsOfTheTableGiveTheBitsOfTheirIds([ValueSource(typeof(TestDevice), nameof(TestDevice.All))] TestDevice on)
    {
        using Embeddings table = new(on, Model);
        EngineOptions options = on.Options();
        List<string[]> expected = [];
        await using (Engine engine = Engine.Load(Model, options with { MaxSequences = 1 }))
        {
            for (int i = 0; i < 4; i++)
                expected.Add(Bits.Of((await engine.GenerateAsync(Request(new TokenPrompt(Plain(Ids(i))), i))).Samples[0]));
        }
        await using Engine small = Engine.Load(Model, options with
        {
            MaxSequences = 3,
            StepTokens = 24,
            KvCacheBytes = 6 * 16 * ModelInspection.Read(Model).KvBytesPerToken,
            ContextLength = 80,
        });
        using ManualResetEventSlim submitted = new();
        small.LogitsHook = _ => submitted.Wait();
        Task<GenerationResult>[] running = [.. Enumerable.Range(0, 4).Select(i => small.GenerateAsync(Request(Mixed(table, Ids(i)), i)))];
        submitted.Set();
        GenerationResult[] results = await Task.WhenAll(running);
        small.LogitsHook = null;
        for (int i = 0; i < 4; i++)
        {
            Assert.That(Bits.Of(results[i].Samples[0]), Is.EqualTo(expected[i]), $"request {i}");
            GeneratedSample alone = (await small.GenerateAsync(Request(new EmbeddingPrompt([table.Of(Ids(i), EmbeddingType.F32)]), i))).Samples[0];
            Assert.That(Bits.Of(alone), Is.EqualTo(expected[i]), $"request {i} of embeddings only");
        }
        Assert.That(small.Statistics.Preemptions, Is.GreaterThan(0));
        Assert.That(small.Statistics.BlocksUsed, Is.Zero);
    }

    /// <summary>What the rows are is not known, so nothing from the first of them on is shared.</summary>
    [Test]
    public async Task PrefixesEndWhereEmbeddingsBegin()
    {
        using Embeddings table = new(TestDevice.Cpu, Model);
        await using Engine engine = Engine.Load(Model, TestDevice.Cpu.Options());
        int[] ids = Ids(0);
        EmbeddingPrompt first = new([new TokenPart(Plain(ids[..20])), table.Of(ids[20..22]), new TokenPart(Plain(ids[22..]))]);
        EmbeddingPrompt second = first with { Parts = [first.Parts[0], table.Of([7, 8]), first.Parts[2]] };
        GeneratedSample once = (await engine.GenerateAsync(Request(first, 0))).Samples[0];
        GeneratedSample other = (await engine.GenerateAsync(Request(second, 0) with { MaxNewTokens = 1 })).Samples[0];
        GeneratedSample again = (await engine.GenerateAsync(Request(first, 0))).Samples[0];
        Assert.That((once.Usage.CachedTokens, other.Usage.CachedTokens, again.Usage.CachedTokens), Is.EqualTo((0, 16, 16)));
        Assert.That(Bits.Of(again), Is.EqualTo(Bits.Of(once)));
        Assert.That(once.Usage.PromptTokens, Is.EqualTo(ids.Length));
    }

    /// <summary>Rows are no tokens: the one that stands for them internally is not penalized.</summary>
    [Test]
    public async Task PenaltiesCountTokensOnly()
    {
        using Embeddings table = new(TestDevice.Cpu, Model);
        await using Engine engine = Engine.Load(Model, TestDevice.Cpu.Options());
        engine.LogitsHook = logits =>
        {
            Span<float> row = LogitsHookTests.Row(logits, 0);
            row.Clear();
            (row[0], row[5]) = (10, 12);
        };
        EmbeddingPrompt prompt = new([table.Of(Ids(1)), new TokenPart(Plain([5]))]);
        GenerationRequest request = LogitsHookTests.Greedy(0) with { Prompt = prompt, MaxNewTokens = 1 };
        Assert.That(await TokenOf(request), Is.EqualTo(5));
        Assert.That(await TokenOf(request with { Sampling = request.Sampling with { RepetitionPenalty = 1.5f } }), Is.Zero, "12 / 1.5 is below 10");

        async Task<int> TokenOf(GenerationRequest asked) => (await engine.GenerateAsync(asked)).Samples[0].Tokens[0].Token.Token;
    }

    [Test]
    public async Task MistakesAreNamed([ValueSource(typeof(TestDevice), nameof(TestDevice.All))] TestDevice on)
    {
        using Embeddings table = new(on, Model);
        await using Engine engine = Engine.Load(Model, on.Options());
        EmbeddingPart good = table.Of([3, 4, 5]);
        Assert.That(() => Ask(good with { Width = 95 }), Throws.ArgumentException.With.Message.EqualTo(
            "embedding 0 of the prompt, at position 1, has rows of 95 numbers; the model's have 96"));
        Assert.That(() => Ask(good with { DevicePointer = good.DevicePointer + 1 }),
            Throws.ArgumentException.With.Message.Contains("no multiple of the 2 bytes"));
        Assert.That(() => good with { DevicePointer = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("DevicePointer"));
        Assert.That(() => good with { Rows = 0 }, Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Rows must be 1 or more"));
        Assert.That(() => good with { Type = (EmbeddingType)3 },
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Message.Contains("Type must be F32, F16 or Bf16"));
        Assert.That(() => new EmbeddingPrompt([null!]), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => engine.GenerateAsync(Request(new EmbeddingPrompt([]), 0)), Throws.ArgumentException.With.Message.Contains("empty"));
        Assert.That(() => Ask(good with { Rows = int.MaxValue }),
            Throws.InstanceOf<GenerationLimitException>().With.Message.Contains("the prompt has 2147483648 tokens"));
        Assert.That(() => engine.Encode(new EmbeddingPrompt([good])), Throws.ArgumentException.With.Message.Contains("no tokens"));
        if (on == TestDevice.Cpu)
        {
            Assert.That(() => Ask(good with { ReadyEvent = 1 }), Throws.ArgumentException.With.Message.Contains("only CUDA knows"));
            return;
        }
        float[] host = GC.AllocateArray<float>(96, pinned: true);
        nint address = Marshal.UnsafeAddrOfPinnedArrayElement(host, 0);
        Assert.That(() => Ask(good with { DevicePointer = address, Rows = 1 }),
            Throws.ArgumentException.With.Message.Contains("cannot be used").And.Message.Contains("no memory that CUDA knows"));
        if (!on.Emulated)
            return; // the emulated device knows where an allocation ends, and what is an event
        Assert.That(() => Ask(good with { Rows = 4 }), Throws.ArgumentException.With.Message.Contains("cannot be used"));
        Assert.That(() => Ask(good with { ReadyEvent = address }), Throws.ArgumentException.With.Message.Contains("CUDA does not accept the event"));

        Task<GenerationResult> Ask(EmbeddingPart part) => engine.GenerateAsync(Request(new EmbeddingPrompt([new TokenPart(Plain([3])), part]), 0));
    }

    [Test]
    public async Task SeveralDevicesRefuseEmbeddingsAndHooks()
    {
        using Embeddings table = new(TestDevice.Cpu, Model);
        await using Engine engine = Engine.Load(Model, TestDevice.Cpu.Options() with { TensorParallel = 2 });
        Assert.That(() => engine.GenerateAsync(Request(new EmbeddingPrompt([table.Of([3])]), 0)),
            Throws.ArgumentException.With.Message.Contains("needs an engine on one device; the model is on 2"));
        Assert.That(() => engine.LogitsHook = _ => { }, Throws.InstanceOf<NotSupportedException>());
        Assert.That(engine.LogitsHook, Is.Null);
        Assert.That(() => Engine.Load(Model, TestDevice.Cpu.Options() with { TensorParallel = 2, CudaStream = 1 }),
            Throws.InstanceOf<BackendException>().With.Message.Contains("CudaStream"));
        Assert.That(() => Engine.Load(Model, TestDevice.Cpu.Options() with { CudaStream = 1 }),
            Throws.InstanceOf<BackendException>().With.Message.Contains("CPU"));
    }

    /// <summary>When a task has ended, however it did, no step reads the caller's memory any more: it may be overwritten.</summary>
    [Test]
    public async Task MemoryIsTheCallersAgainAfterTheEnd([ValueSource(typeof(TestDevice), nameof(TestDevice.All))] TestDevice on)
    {
        await using Engine engine = Engine.Load(Model, on.Options() with { StepTokens = 8, MaxSequences = 2 });
        for (int round = 0; round < 6; round++)
        {
            using CancellationTokenSource source = new();
            using Embeddings table = new(on, Model); // freed after the task
            using ManualResetEventSlim canceled = new();
            int sampled = 0;
            engine.LogitsHook = _ =>
            {
                if (++sampled == 10) // half of the tokens: the task cannot end before it is canceled
                    canceled.Wait();
            };
            long steps = engine.Statistics.EngineSteps + round;
            Task<GenerationResult> task = engine.GenerateAsync(Request(Mixed(table, Ids(round)), round) with { Samples = 2 }, source.Token);
            while (engine.Statistics.EngineSteps < steps)
                await Task.Yield();
            source.Cancel();
            canceled.Set();
            Assert.That(async () => await task, Throws.InstanceOf<OperationCanceledException>());
            // The engine has nothing of it in flight: the statistics are those after its end.
            Assert.That((engine.Statistics.Running, engine.Statistics.Waiting, engine.Statistics.BlocksUsed), Is.EqualTo((0, 0, 0)));
        }
    }

    private static int[] Ids(int number) => [.. Enumerable.Range(0, 30 + 5 * number).Select(i => (i * 7 + number / 2) % 290 + 2)];

    private static ConceptToken[] Plain(int[] ids) => Array.ConvertAll(ids, id => new ConceptToken(id));

    /// <summary>Tokens, rows, a token, rows as f32, and tokens, or rows to the end.</summary>
    private static EmbeddingPrompt Mixed(Embeddings table, int[] ids) => new(
    [
        new TokenPart(Plain(ids[..3])), table.Of(ids[3..12]), new TokenPart(Plain(ids[12..13])), table.Of(ids[13..29], EmbeddingType.F32),
        ids.Length % 2 == 0 ? new TokenPart(Plain(ids[29..])) : table.Of(ids[29..]),
    ]);

    private static GenerationRequest Request(Prompt prompt, int number) => new()
    {
        Prompt = prompt,
        Thinking = ThinkingStart.Closed,
        Sampling = new SamplingOptions
        {
            Seed = (ulong)number,
            SoftThinking = false,
            AfterThinking = new FilterOptions { Temperature = 1 },
            FrequencyPenalty = number == 2 ? 0.5f : 0,
        },
        MaxNewTokens = 20,
        IgnoreEndOfText = true,
    };
}
