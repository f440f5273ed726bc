using NUnit.Framework;
using SoftThinking.Interop;

namespace SoftThinking.Tests;

/// <summary>The engine on the CUDA kernels, as far as it goes without a GPU: on the emulated device, and where there is
/// no device at all.</summary>
public class DeviceTests
{
    private static string Model => Path.Combine(TestData.FindGolden("forward")!, "qwen3");

    /// <summary>Prompts in chunks beside decodes, graphs of several sizes, prefix reuse and preemption: the bits are those of
    /// the request alone.</summary>
    [Test]
    public async Task CompanyDoesNotChangeTheBitsOnTheEmulatedDevice([Values(NativeDtype.F32, NativeDtype.Bf16)] object activations)
    {
        EngineOptions options = TestDevice.Emulated.Options(activations: (NativeDtype)activations);
        GenerationRequest[] requests = [.. Enumerable.Range(0, 5).Select(Request)];
        List<string[]> alone = [];
        await using (Engine engine = Engine.Load(Model, options with { MaxSequences = 1, PrefixCache = false }))
        {
            foreach (GenerationRequest request in requests)
                alone.Add(Bits.Of((await engine.GenerateAsync(request)).Samples[0]));
        }
        long blockBytes = 16 * ModelInspection.Read(Model).KvBytesPerToken;
        await using Engine small = Engine.Load(Model, options with
        {
            MaxSequences = 3,
            StepTokens = 24,
            KvCacheBytes = 6 * blockBytes,
            ContextLength = 80,
        });
        GenerationResult[] results = await Task.WhenAll(requests.Select(request => small.GenerateAsync(request)));
        for (int i = 0; i < requests.Length; i++)
            Assert.That(Bits.Of(results[i].Samples[0]), Is.EqualTo(alone[i]), $"request {i}");
        Assert.That(small.Statistics.BlocksUsed, Is.Zero);
        Assert.That(small.Statistics.Preemptions, Is.GreaterThan(0));
    }

    [Test]
    public async Task WithoutACudaDeviceAutoTakesTheCpuAndCudaSaysWhy()
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
        Assert.That(() => Engine.Load(TestData.TinyReasoner, new EngineOptions { Device = ComputeDevice.Cuda }),
            Throws.InstanceOf<BackendException>().With.Message.EqualTo(reason));
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        await engine.GenerateAsync(Problems.Ask(engine, "Compute 40 + 7.", new()));
    }

    /// <summary>Steps of every kind: soft and drawn, with noise, penalties and log-probabilities; two share a prefix.</summary>
    private static GenerationRequest Request(int number) => new()
    {
        Prompt = [.. Enumerable.Range(0, 30 + 5 * number).Select(i => new ConceptToken((i * 7 + number / 2) % 300 + 2))],
        Sampling = new SamplingOptions
        {
            Seed = (ulong)number,
            SoftThinking = number != 1,
            ThinkEnd = TextOf(3),
            Thinking = new FilterOptions { Temperature = 1, TopK = 20 },
            AfterThinking = new FilterOptions { Temperature = 1 },
            MaxThinkingTokens = number == 2 ? 4 : null,
            GumbelSoftmaxTemperature = number == 3 ? 0.5f : 0,
            FrequencyPenalty = number == 4 ? 0.5f : 0,
        },
        LogProbs = number == 2 ? 2 : null,
        MaxNewTokens = 20,
        IgnoreEndOfText = true,
    };

    private static string TextOf(int id) =>
        SoftThinking.Tokenization.Tokenizer.Load(Model).Decode([id], skipSpecialTokens: false);
}
