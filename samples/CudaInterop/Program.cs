// Shares the first CUDA device with an engine: embeddings go in, and logits come out, without a copy through the host and without a wait
// of the host in between.
//
//   dotnet run -- MODEL
using System.Reflection;
using System.Runtime.InteropServices;
using CudaInterop;
using SoftThinking;
using SoftThinking.Interop.Cuda;

NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) =>
    name == CudaDriver.Library ? NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1") : 0);
if (args.Length != 1)
{
    Console.Error.WriteLine("usage: CudaInterop MODEL");
    return 2;
}
await using Engine engine = Engine.Load(args[0], new EngineOptions { Device = ComputeDevice.Cuda, DeviceOrdinal = 0 });
using SharedDevice device = new(ordinal: 0);

// A real program computes them, for example from an image.
int width = engine.Config.HiddenSize;
float[] rows = [.. Enumerable.Range(0, 4 * width).Select(i => 0.02f * MathF.Sin(i))];
GenerationRequest request = new()
{
    Prompt = new EmbeddingPrompt([device.Write(rows, width), new TokenPart(engine.Encode(new TextPrompt("What is 47 + 85 - 19?")))]),
    Sampling = new SamplingOptions { SoftThinking = false, Thinking = new() { Temperature = 0 }, AfterThinking = new() { Temperature = 0 } },
    MaxNewTokens = 16,
};
engine.LogitsHook = device.Read;
GeneratedSample sample = (await engine.GenerateAsync(request)).Samples[0];
device.Wait();
for (int i = 0; i < sample.Tokens.Count; i++)
    Console.WriteLine($"{sample.Tokens[i].Text,-12} logit {device.Rows[i].Max():f3}");
return 0;
