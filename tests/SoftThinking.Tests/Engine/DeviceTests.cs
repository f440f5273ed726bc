using NUnit.Framework;
using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Tests;

/// <summary>The engine on the CUDA kernels: on the emulated device, or on a GPU; see <see cref="TestDevice"/>.</summary>
[NonParallelizable]
public class DeviceTests
{
    private static string Model => Path.Combine(TestData.FindGolden("forward")!, "qwen2-tied");

    private const long ScratchBytes = 32 << 20; // of a stream

    private static long BlockBytes => 16 * ModelInspection.Read(Model).KvBytesPerToken;

    /// <summary>Prompts in chunks beside decodes, graphs of several sizes, prefix reuse and preemption: the bits are those of
    /// the request alone.</summary>
    [Test]
    public async Task CompanyDoesNotChangeTheBits([Values(NativeDtype.F32, NativeDtype.Bf16)] object activations)
    {
        EngineOptions options = TestDevice.Kernels.Options(activations: (NativeDtype)activations);
        GenerationRequest[] requests = [.. Enumerable.Range(0, 5).Select(Request)];
        List<string[]> alone = [];
        await using (Engine engine = Engine.Load(Model, options with { MaxSequences = 1, PrefixCache = false }))
        {
            foreach (GenerationRequest request in requests)
                alone.Add(await BitsOf(engine, request));
        }
        await using Engine small = Engine.Load(Model, Small(options));
        GenerationResult[] results = await Task.WhenAll(requests.Select(request => small.GenerateAsync(request)));
        for (int i = 0; i < requests.Length; i++)
            Assert.That(Bits.Of(results[i].Samples[0]), Is.EqualTo(alone[i]), $"request {i}");
        GeneratedSample again = (await small.GenerateAsync(requests[4])).Samples[0];
        Assert.That(Bits.Of(again), Is.EqualTo(alone[4]), "behind a prefix that was computed before");
        Assert.That(again.Usage.CachedTokens, Is.EqualTo(48));
        Assert.That(small.Statistics.BlocksUsed, Is.Zero);
        Assert.That(small.Statistics.Preemptions, Is.GreaterThan(0));
    }

    [Test]
    public async Task AThreadThatSleepsWhileItWaitsGetsTheSameBits()
    {
        EngineOptions options = TestDevice.Kernels.Options(activations: NativeDtype.Bf16);
        await using Engine spinning = Engine.Load(Model, options), sleeping = Engine.Load(Model, options with { BlockingWaits = true });

        Assert.That(await BitsOf(sleeping, Request(0)), Is.EqualTo(await BitsOf(spinning, Request(0))));
    }

    [Test]
    public async Task CancellationFreesBlocksAndDisturbsNobody()
    {
        EngineOptions options = TestDevice.Kernels.Options(activations: NativeDtype.Bf16);
        await using Engine engine = Engine.Load(Model, Small(options));
        string[] expected = await BitsOf(engine, Request(0));
        for (int round = 0; round < 4; round++)
        {
            using CancellationTokenSource source = new();
            Task<GenerationResult> steady = engine.GenerateAsync(Request(0));
            Task waiting = Task.CompletedTask;
            int steps = 0;
            try
            {
                await foreach (GenerationEvent next in engine.StreamAsync(Request(3), source.Token))
                {
                    if (next is not GeneratedToken)
                        continue;
                    if (++steps == 1) // more than can be under way, long before they could end
                        waiting = engine.GenerateAsync(Request(1) with { Samples = 4 }, source.Token);
                    if (steps == 1 + 4 * round)
                        source.Cancel();
                }
            }
            catch (OperationCanceledException)
            {
            }
            Assert.That(steps, Is.EqualTo(1 + 4 * round), "what was read before the end");
            Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());
            Assert.That(Bits.Of((await steady).Samples[0]), Is.EqualTo(expected), $"round {round}");
        }
        for (int i = 0; i < 1000 && engine.Statistics.BlocksUsed > 0; i++)
            await Task.Delay(5);
        Assert.That((engine.Statistics.BlocksUsed, engine.Statistics.Running, engine.Statistics.Waiting), Is.EqualTo((0, 0, 0)));
    }

    /// <summary>The embedding of one id is NaN: who uses it fails, nobody else does, also not in the blocks that it had.</summary>
    [Test]
    public async Task BadLogitsEndOneRequest()
    {
        const int Poisoned = 299;
        using PoisonedModel model = new("qwen2", Poisoned);
        await using Engine engine = Engine.Load(model.Folder, Small(TestDevice.Kernels.Options(activations: NativeDtype.Bf16)));
        GenerationRequest good = Request(1);
        GenerationRequest bad = good with { Prompt = new TokenPrompt([.. ((TokenPrompt)good.Prompt).Tokens.Take(20), new ConceptToken(Poisoned), .. ((TokenPrompt)good.Prompt).Tokens.Take(9)]) };
        string[] expected = await BitsOf(engine, good);
        for (int round = 0; round < 3; round++)
        {
            Task<GenerationResult>[] goods = [engine.GenerateAsync(good), engine.GenerateAsync(good)];
            Task<GenerationResult> failing = engine.GenerateAsync(bad with { Samples = 2 });
            Assert.That(async () => await failing, Throws.InstanceOf<GenerationException>().With.Message.Contains("NaN"));
            foreach (Task<GenerationResult> task in goods)
                Assert.That(Bits.Of((await task).Samples[0]), Is.EqualTo(expected), $"round {round}");
        }
        Assert.That(engine.Statistics.BlocksUsed, Is.Zero);
    }

    /// <summary>A kernel fails while prompts are computed, or while all decode: every request hears of it in CUDA's words,
    /// nothing is left on the device, and once the application has reset it, the next engine works.</summary>
    [TestCase(100)]
    [TestCase(400)]
    public async Task AKernelThatFailsEndsTheEngineAndNotTheNext(int kernel)
    {
        TestDevice.Kernels.MustBeEmulated();
        EngineOptions options = Small(TestDevice.Kernels.Options(activations: NativeDtype.Bf16));
        long free = FreeMemory();
        string[] expected;
        await using (Engine engine = Engine.Load(Model, options))
            expected = await BitsOf(engine, Request(0));
        using (NativeEnvironment.Set(NativeEnvironment.Fault, $"launch-{kernel}"))
        {
            ListLogger logger = new();
            await using Engine engine = Engine.Load(Model, options with { Logger = logger });
            using MetricsReader metrics = new(engine);
            Task<GenerationResult>[] running = [.. Enumerable.Range(0, 4).Select(i => engine.GenerateAsync(Request(i)))];
            foreach (Task<GenerationResult> task in running)
                Assert.That(async () => await task, Throws.InstanceOf<GenerationException>().With.Message.Contains("CUDA says: a kernel failed: as the test wants it"));
            Assert.That(() => engine.GenerateAsync(Request(0)), Throws.InstanceOf<GenerationException>().With.Message.Contains("the engine failed"));
            Assert.That(engine.Statistics, Has.Property("Running").Zero.And.Property("Waiting").Zero.And.Property("BlocksUsed").Zero);
            Assert.That(metrics.Read()["request_success.error"], Is.EqualTo(4));
            Assert.That(engine.Statistics.EngineSteps, kernel == 100 ? Is.LessThan(8) : Is.GreaterThan(8));
            Assert.That(logger.Lines, Has.Exactly(1).StartsWith("Error The engine failed"));
        }
        Assert.That(() => Engine.Load(Model, options), Throws.InstanceOf<BackendException>().With.Message.Contains("as the test wants it"), "the context is not ours to reset");
        TestDevice.Kernels.Reset();
        Assert.That(FreeMemory(), Is.EqualTo(free));
        await using Engine next = Engine.Load(Model, options);
        Assert.That(await BitsOf(next, Request(0)), Is.EqualTo(expected));
    }

    /// <summary>A kernel fails on one of two devices that share the model: the other one does not wait for it.</summary>
    [TestCase(200)]
    [TestCase(201)]
    [TestCase(900)]
    public async Task AKernelThatFailsOnOneDeviceEndsTheOthers(int kernel)
    {
        TestDevice.Kernels.MustBeEmulated();
        EngineOptions options = Small(TestDevice.Kernels.Options(activations: NativeDtype.Bf16)) with { TensorParallel = 2 };
        long free = FreeMemory();
        using (NativeEnvironment.Set(NativeEnvironment.Fault, $"launch-{kernel}"))
        {
            await using Engine engine = Engine.Load(Model, options);
            Task<GenerationResult>[] running = [.. Enumerable.Range(0, 4).Select(i => engine.GenerateAsync(Request(i)))];
            foreach (Task<GenerationResult> task in running)
            {
                Assert.That(async () => await task.WaitAsync(TimeSpan.FromSeconds(30)),
                    Throws.InstanceOf<GenerationException>().With.Message.Contains("CUDA says: a kernel failed: as the test wants it"));
            }
        }
        TestDevice.Kernels.Reset();
        TestDevice.Kernels.Reset(1);
        Assert.That(FreeMemory(), Is.EqualTo(free));
        await using Engine next = Engine.Load(Model, options);
        await BitsOf(next, Request(0) with { MaxNewTokens = 2 });
    }

    [Test]
    public async Task AKernelThatFailsWhileLoadingLeavesNothing()
    {
        TestDevice.Kernels.MustBeEmulated();
        EngineOptions options = TestDevice.Kernels.Options();
        long free = FreeMemory();
        using (NativeEnvironment.Set(NativeEnvironment.Fault, "launch-3"))
            Assert.That(() => Engine.Load(Model, options), Throws.InstanceOf<BackendException>().With.Message.Contains("CUDA says: a kernel failed"));
        TestDevice.Kernels.Reset();
        Assert.That(FreeMemory(), Is.EqualTo(free));
        await using Engine next = Engine.Load(Model, options);
        await BitsOf(next, Request(0) with { MaxNewTokens = 2 });
    }

    /// <summary>Whatever does not fit is told in numbers before it is allocated, and nothing stays behind.</summary>
    [TestCase(20 << 20, null, @"^stream_create: the device cannot allocate 33554432 bytes; 20971520 of 20971520 are free$")]
    [TestCase(33 << 20, null, @"^not enough memory: the weights and the work buffers need \d\.\d MiB, 1\.0 MiB are free, \d\.\d MiB are missing$")]
    [TestCase(64 << 20, 1L << 30, @"^not enough memory: keys and values need 1,024\.0 MiB, \d\d\.\d MiB are free, 9\d\d\.\d MiB are missing$")]
    public async Task MissingMemoryIsReportedBeforeItIsAllocated(int bytes, long? cache, string message)
    {
        TestDevice.Kernels.MustBeEmulated();
        EngineOptions options = TestDevice.Kernels.Options() with { MaxSequences = 4, ContextLength = 256, KvCacheBytes = cache };
        using (NativeEnvironment.Set(NativeEnvironment.Memory, $"{bytes}"))
        {
            long free = FreeMemory();
            Assert.That(() => Engine.Load(Model, options), Throws.Exception.With.Message.Matches(message));
            Assert.That(FreeMemory(), Is.EqualTo(free));
        }
        await using Engine engine = Engine.Load(Model, options with { KvCacheBytes = null });
        Assert.That(engine.ContextLength, Is.EqualTo(256));
    }

    /// <summary>Nine tenths of what the weights leave is the cache; a context that it does not hold becomes shorter.</summary>
    [Test]
    public async Task ADeviceWithLittleMemoryHasAShorterContext()
    {
        TestDevice.Kernels.MustBeEmulated();
        EngineOptions options = TestDevice.Kernels.Options() with { MaxSequences = 1 };
        long work = ScratchBytes + Weights(out long steps) + steps + 45 * BlockBytes;
        using IDisposable memory = NativeEnvironment.Set(NativeEnvironment.Memory, $"{work}");
        await using Engine engine = Engine.Load(Model, options);
        Assert.That(engine.ContextLength, Is.EqualTo(45 * 9 / 10 * 16));
        await BitsOf(engine, Request(0));

        long Weights(out long steps)
        {
            using Checkpoint checkpoint = Checkpoint.Open(Model);
            using Device device = TestDevice.Kernels.Open(NativeDtype.F32);
            steps = Runner.Measure(device, ModelShard.All(checkpoint.Config), KvPlan.LimitsOf(options, KvLayout.Whole, checkpoint.Config.MaxPositions));
            return ModelWeights.Measure(checkpoint, ModelShard.All(checkpoint.Config), WeightFormat.Stored, device);
        }
    }

    [TestCase("no-driver", "device_open: there is no NVIDIA driver")]
    [TestCase("old-driver", "device_open: the NVIDIA driver is for CUDA 10.2, this library needs one for ")]
    [TestCase("no-device", "device_open: the NVIDIA driver finds no GPU")]
    [TestCase("old-architecture", "device_open: emulated CUDA device has compute capability 7.0, this library needs 8.0")]
    public void WhatIsMissingIsReportedWhenAnEngineIsLoaded(string fault, string message)
    {
        TestDevice.Kernels.MustBeEmulated();
        EngineOptions options = TestDevice.Kernels.Options();
        using IDisposable set = NativeEnvironment.Set(NativeEnvironment.Fault, fault);
        Assert.That(() => Engine.Load(Model, options), Throws.InstanceOf<BackendException>().With.Message.StartWith(message));
    }

    [Test]
    public async Task WithoutACudaDeviceAutoUsesTheCpuAndCudaSaysWhy()
    {
        string reason;
        try
        {
            using Device device = Device.Open(Backend.Cuda, threads: 0);
            Assert.Ignore("there is a CUDA device");
            return;
        }
        catch (BackendException error)
        {
            reason = error.Message;
        }
        Assert.That(reason, Does.Contain("CUDA").Or.Contain("NVIDIA").Or.Contain("softthinking_cuda"));
        Assert.That(() => Engine.Load(Model, new EngineOptions { Device = ComputeDevice.Cuda }),
            Throws.InstanceOf<BackendException>().With.Message.EqualTo(reason));
        ListLogger logger = new();
        await using Engine engine = Engine.Load(Model, new EngineOptions { Logger = logger });
        await engine.GenerateAsync(Request(0));
        Assert.That(logger.Lines, Has.Exactly(1).EqualTo($"Debug No CUDA device, so the CPU computes: {reason}"));
    }

    /// <summary>Fewer blocks than its sequences want, and steps that prompts do not fit.</summary>
    private static EngineOptions Small(EngineOptions options) => options with
    {
        MaxSequences = 3,
        StepTokens = 24,
        KvCacheBytes = 6 * BlockBytes,
        ContextLength = 80,
    };

    private static long FreeMemory()
    {
        using Device device = TestDevice.Kernels.Open(NativeDtype.F32);
        return (long)device.Query().FreeMemory;
    }

    private static async Task<string[]> BitsOf(Engine engine, GenerationRequest request) =>
        Bits.Of((await engine.GenerateAsync(request)).Samples[0]);

    /// <summary>Steps of every kind: soft and drawn, with noise, penalties and log-probabilities; two share a prefix.</summary>
    private static GenerationRequest Request(int number) => new()
    {
        Prompt = new TokenPrompt([.. Enumerable.Range(0, 30 + 5 * number).Select(i => new ConceptToken((i * 7 + number / 2) % 290 + 2))]),
        Sampling = new SamplingOptions
        {
            Seed = (ulong)number,
            SoftThinking = number != 1,
            ThinkEnd = TextOf(3),
            Thinking = new FilterOptions { Temperature = 1, TopK = 20 },
            AfterThinking = new FilterOptions { Temperature = 1 },
            MaxThinkingTokens = number == 2 ? 4 : null,
            Strategy = number == 3 ? new GumbelStrategy() : new SoftStrategy(),
            FrequencyPenalty = number == 4 ? 0.5f : 0,
        },
        LogProbs = number == 2 ? 2 : null,
        MaxNewTokens = 20,
        IgnoreEndOfText = true,
    };

    private static string TextOf(int id) =>
        SoftThinking.Tokenization.Tokenizer.Load(Model).Decode([id], skipSpecialTokens: false);
}
