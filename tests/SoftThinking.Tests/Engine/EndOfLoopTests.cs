using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests;

/// <summary>The engine's thread ends when it is told to, frees what it used, and survives what it calls.</summary>
[NonParallelizable]
public class EndOfLoopTests
{
    /// <summary>Draining and stopping at the same moment must not lose the stop.</summary>
    [Test]
    public async Task AStopIsNeverLost()
    {
        using Checkpoint checkpoint = Checkpoint.Open(TestData.TinyReasoner);
        using LoadedModel model = LoadedModel.Load(checkpoint, new EngineOptions { Threads = 1, MaxSequences = 1 }, new SafeLogger(null));
        using Barrier together = new(2);
        for (int trial = 0; trial < 500; trial++)
        {
            EngineLoop loop = new(this, model, new EngineOptions(), new SafeLogger(null), []);
            Task draining = Task.Run(() =>
            {
                together.SignalAndWait();
                loop.DrainAsync();
            });
            together.SignalAndWait();
            await loop.StopAsync().WaitAsync(TimeSpan.FromSeconds(30));
            await draining;
            loop.Dispose();
        }
    }

    /// <summary>A host may dispose its logging before the engine.</summary>
    [Test]
    public async Task ALoggerThatThrowsDoesNoHarm()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Logger = new ThrowingLogger() });
        GenerationRequest request = GenerationRequest.FromQuestion("What is 1 + 1?") with { MaxNewTokens = 10 };
        Assert.That((await engine.GenerateAsync(request)).Samples[0].Tokens, Is.Not.Empty);
    }

    [Test]
    public async Task AMeterListenerThatThrowsDoesNoHarm()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "SoftThinking")
                    self.EnableMeasurementEvents(instrument);
            },
        };
        int thrown = 0;
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => Throw());
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Throw());
        listener.Start();
        GenerationRequest request = GenerationRequest.FromQuestion("What is 1 + 1?") with { MaxNewTokens = 10 };
        Assert.That((await engine.GenerateAsync(request)).Samples[0].Tokens, Is.Not.Empty);
        Assert.That(thrown, Is.GreaterThan(10));

        void Throw()
        {
            thrown++;
            throw new InvalidOperationException("as the test wants it");
        }
    }

    /// <summary>Whatever fails after the model was loaded, its memory is freed and no thread remains.</summary>
    [Test]
    public void AFailureAfterLoadingLeaksNothing()
    {
        EngineOptions options = TestDevice.Kernels.Options() with { MaxSequences = 2, ContextLength = 64 };
        TestDevice.Kernels.MustBeEmulated();
        long free = Free();
        using Checkpoint checkpoint = Checkpoint.Open(TestData.TinyReasoner);
        using BrokenEnds source = new(checkpoint);
        Assert.That(() => Engine.Create(source, Tokenizer.Load(TestData.TinyReasoner), () => null, options), Throws.Exception);
        Assert.That(Free(), Is.EqualTo(free));

        static long Free()
        {
            using Device device = TestDevice.Kernels.Open(NativeDtype.F32);
            return (long)device.Query().FreeMemory;
        }
    }

    [Test]
    public async Task LoadingCanBeCancelledAndWaitedFor()
    {
        using CancellationTokenSource source = new();
        EngineOptions options = new() { LoadProgress = _ => source.Cancel() };
        Assert.That(async () => await Engine.LoadAsync(TestData.TinyReasoner, options, source.Token), Throws.InstanceOf<OperationCanceledException>());
        using Engine engine = await Engine.LoadAsync(TestData.TinyReasoner);
        Assert.That((await engine.GenerateAsync(GenerationRequest.FromQuestion("What is 1 + 1?") with { MaxNewTokens = 3 })).Samples[0].Tokens, Has.Count.EqualTo(3));
        engine.Dispose();
        Assert.That(async () => await engine.GenerateAsync(GenerationRequest.FromQuestion("Hi")), Throws.InstanceOf<ObjectDisposedException>());
    }

    /// <summary>Sizes of arrays are computed in 64 bits.</summary>
    [Test]
    public void LargeArraysAreMeasuredWithoutOverflow()
    {
        RunnerLimits limits = new(Rows: 65536, Slots: 1024, Entries: 1024, BlocksPerSequence: 1 << 24, Groups: 1);
        long bytes = DeviceArena.Measure(arena => HostInputs.Place(arena, limits));
        Assert.That(bytes, Is.GreaterThan(1024L * (1 << 24) * sizeof(int)));
        Assert.That(DeviceArena.Measure(arena => OutputArrays.Place(arena, limits)), Is.GreaterThan(2L * 1024 * 1024 * sizeof(int)));
    }

    private sealed class ThrowingLogger : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new ObjectDisposedException("the host's logging");
    }

    /// <summary>A model whose list of ends cannot be enumerated, which shows when the loop starts.</summary>
    private sealed class BrokenEnds(ITensorSource source) : ITensorSource
    {
        public string Name => source.Name;

        public ModelOrigin Origin => source.Origin;

        public ModelConfig Config => source.Config;

        public GenerationDefaults Generation => source.Generation with { EosIds = default };

        public long TotalBytes => source.TotalBytes;

        public Tensor Get(string name, ReadOnlySpan<int> shape) => source.Get(name, shape);

        public StoredMatrix Matrix(string module, int rows, int cols) => source.Matrix(module, rows, cols);

        public ModelFingerprint Fingerprint() => source.Fingerprint();

        public void Forget(Tensor tensor) => source.Forget(tensor);

        public void Dispose()
        {
            // The source belongs to the test.
        }
    }
}
