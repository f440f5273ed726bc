using System.Reflection;
using System.Runtime.InteropServices;
using CudaInterop;
using NUnit.Framework;
using SoftThinking.Interop.Cuda;

namespace SoftThinking.Tests;

/// <summary>The sample CudaInterop on the CUDA kernels: streams of others before and after the engine's.</summary>
[NonParallelizable]
public class SharedDeviceTests
{
    private const string Streams = "SOFTTHINKING_SIMT_STREAMS";

    private static string Model => Path.Combine(TestData.FindGolden("forward")!, "qwen2-tied");

    [OneTimeSetUp]
    public void FindDriver()
    {
        string driver = TestDevice.Kernels.Emulated ? TestDevice.Library : OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) =>
            name == CudaDriver.Library ? NativeLibrary.Load(driver) : 0);
    }

    /// <summary>A foreign stream writes the embeddings, ours runs after it, and the foreign one reads logits after ours: the bits are those of the
    /// ids. On the emulated device also in drawn orders of the streams.</summary>
    [Test]
    public async Task ForeignWorkRunsBeforeAndAfterOurs([Values(0, 1, 2, 3)] int order)
    {
        using IDisposable? drawn = InOrder(order);
        await using Engine engine = Engine.Load(Model, TestDevice.Kernels.Options());
        string[] expected = Bits.Of((await engine.GenerateAsync(Greedy(new TokenPrompt(Plain(Ids))))).Samples[0]);
        using SharedDevice device = new(0);
        int graphs = engine.Model.Runner.Graphs;
        engine.LogitsHook = device.Read;
        GeneratedSample sample = (await engine.GenerateAsync(Greedy(Prompt(device.Write(RowsOf(Ids[..8]), 96))))).Samples[0];
        device.Wait();
        Assert.That(Bits.Of(sample), Is.EqualTo(expected));
        Assert.That(device.Rows.Select(row => LogitsHookTests.Likeliest(row)), Is.EqualTo(sample.Tokens.Select(token => token.Token.Token)));
        Assert.That(engine.Model.Runner.Graphs, Is.EqualTo(graphs + 2), "a decode step of one row, in two halves");
        Assert.That(engine.CudaStream, Is.Not.EqualTo((nint)0));
    }

    [Test]
    public async Task AForeignKernelReadsLogitsAfterOurs([Values(0, 1, 2, 3)] int order)
    {
        TestDevice.Kernels.MustBeEmulated();
        using IDisposable? drawn = InOrder(order);
        await using Engine engine = Engine.Load(Model, TestDevice.Kernels.Options());
        using ForeignKernel kernel = new();
        engine.LogitsHook = kernel.Launch;
        GeneratedSample sample = (await engine.GenerateAsync(Greedy(new TokenPrompt(Plain(Ids))))).Samples[0];
        Assert.That(kernel.Results(), Is.EqualTo(sample.Tokens.Select(token => token.Token.Token)));
    }

    [Test]
    public async Task AMissingWaitForTheEmbeddingsIsSeen()
    {
        TestDevice.Kernels.MustBeEmulated();
        await using Engine engine = Engine.Load(Model, TestDevice.Kernels.Options());
        using SharedDevice device = new(0);
        EmbeddingPart early = device.Write(RowsOf(Ids[..8]), 96) with { ReadyEvent = 0 };
        Assert.That(() => engine.GenerateAsync(Greedy(Prompt(early))), Throws.InstanceOf<GenerationException>().With.Message.Contains("NaN"));
    }

    /// <summary>Either wait of the hook is left out: the foreign stream reads before our work, or after the next step's.</summary>
    [Test]
    public async Task AMissingWaitForTheLogitsIsSeen([Values] bool before)
    {
        TestDevice.Kernels.MustBeEmulated();
        await using Engine engine = Engine.Load(Model, TestDevice.Kernels.Options());
        using SharedDevice device = new(0);
        engine.LogitsHook = device.Read;
        await engine.GenerateAsync(Greedy(new TokenPrompt(Plain(Ids))));
        device.Wait();
        using Reader reader = new(before);
        engine.LogitsHook = reader.Read;
        await engine.GenerateAsync(Greedy(new TokenPrompt(Plain(Ids))));
        CudaDriver.Check(CudaDriver.cuStreamSynchronize(reader.Stream));
        Assert.That(Bits.Same(reader.Rows[0], device.Rows[0]), Is.False);
        Assert.That(reader.Rows, Has.Count.EqualTo(device.Rows.Count));
    }

    /// <summary>Work of a hook changes the logits on our stream, around which there are graphs.</summary>
    [Test]
    public async Task AHookChangesLogitsOnOurStream()
    {
        const int Wanted = 77;
        await using Engine engine = Engine.Load(Model, TestDevice.Kernels.Options());
        float[] largest = GC.AllocateArray<float>(1, pinned: true);
        largest[0] = 1e4f;
        engine.LogitsHook = logits => CudaDriver.Check(CudaDriver.cuMemcpyHtoDAsync_v2(
            logits.DevicePointer + Wanted * sizeof(float), Marshal.UnsafeAddrOfPinnedArrayElement(largest, 0), sizeof(float), logits.Stream));
        GeneratedSample sample = (await engine.GenerateAsync(Greedy(new TokenPrompt(Plain(Ids))))).Samples[0];
        Assert.That(sample.Tokens.Select(token => token.Token.Token), Is.All.EqualTo(Wanted));
    }

    /// <summary>The engine computes on a caller's stream, in the order in which both submit, and leaves it as it was.</summary>
    [Test]
    public async Task AnEngineComputesOnAStreamOfTheCallers()
    {
        using SharedDevice device = new(0);
        using Reader owner = new(before: false);
        await using (Engine own = Engine.Load(Model, TestDevice.Kernels.Options()))
        await using (Engine engine = Engine.Load(Model, TestDevice.Kernels.Options() with { CudaStream = owner.Stream }))
        {
            Assert.That(engine.CudaStream, Is.EqualTo(owner.Stream).And.Not.EqualTo(own.CudaStream));
            GenerationRequest request = Greedy(Prompt(device.Write(RowsOf(Ids[..8]), 96)));
            string[] expected = Bits.Of((await own.GenerateAsync(request)).Samples[0]);
            Assert.That(Bits.Of((await engine.GenerateAsync(request)).Samples[0]), Is.EqualTo(expected));
        }
        Assert.That(CudaDriver.cuStreamSynchronize(owner.Stream), Is.Zero);
        Assert.That(() => Engine.Load(Model, TestDevice.Kernels.Options() with { CudaStream = 1 }),
            Throws.InstanceOf<BackendException>().With.Message.Contains("default streams"));
    }

    private static int[] Ids { get; } = [.. Enumerable.Range(0, 20).Select(i => i * 13 % 290 + 2)];

    private static ConceptToken[] Plain(int[] ids) => Array.ConvertAll(ids, id => new ConceptToken(id));

    private static float[] RowsOf(int[] ids)
    {
        using Embeddings table = new(TestDevice.Cpu, Model);
        return table.Floats(ids);
    }

    private static EmbeddingPrompt Prompt(EmbeddingPart first) => new([first, new TokenPart(Plain(Ids[8..]))]);

    private static GenerationRequest Greedy(Prompt prompt) => LogitsHookTests.Greedy(0) with { Prompt = prompt, MaxNewTokens = 6 };

    private static IDisposable? InOrder(int order)
    {
        if (order == 0)
            return null;
        TestDevice.Kernels.MustBeEmulated();
        return NativeEnvironment.Set(Streams, $"{order}");
    }

    /// <summary>A foreign stream that reads the logits without one of the two waits.</summary>
    private sealed class Reader : IDisposable
    {
        private readonly bool _before;
        private readonly nint _context, _event;

        public Reader(bool before)
        {
            _before = before;
            CudaDriver.Check(CudaDriver.cuDevicePrimaryCtxRetain(out _context, 0));
            CudaDriver.Check(CudaDriver.cuCtxPushCurrent_v2(_context));
            CudaDriver.Check(CudaDriver.cuStreamCreate(out nint stream, 1));
            CudaDriver.Check(CudaDriver.cuEventCreate(out _event, 2));
            CudaDriver.Check(CudaDriver.cuCtxPopCurrent_v2(out _));
            Stream = stream;
        }

        public nint Stream { get; }

        public List<float[]> Rows { get; } = [];

        public void Read(StepLogits logits)
        {
            float[] host = GC.AllocateArray<float>(logits.Vocabulary, pinned: true);
            if (!_before)
            {
                logits.RecordEvent(_event);
                CudaDriver.Check(CudaDriver.cuStreamWaitEvent(Stream, _event, 0));
            }
            nint address = Marshal.UnsafeAddrOfPinnedArrayElement(host, 0);
            CudaDriver.Check(CudaDriver.cuMemcpyDtoHAsync_v2(address, logits.DevicePointer, host.Length * sizeof(float), Stream));
            if (_before)
                CudaDriver.Check(CudaDriver.cuStreamSynchronize(Stream)); // a device may run it before ours
            Rows.Add(host);
        }

        public void Dispose()
        {
            CudaDriver.Check(CudaDriver.cuEventDestroy_v2(_event));
            CudaDriver.Check(CudaDriver.cuStreamDestroy_v2(Stream));
            CudaDriver.Check(CudaDriver.cuDevicePrimaryCtxRelease_v2(0));
        }
    }
}
