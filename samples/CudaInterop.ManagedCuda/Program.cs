// The sample CudaInterop with ManagedCuda in place of the driver's functions.
//
//   dotnet run -- MODEL
using ManagedCuda;
using ManagedCuda.BasicTypes;
using SoftThinking;
using SoftThinking.Interop.Cuda;

using PrimaryContext context = new(0);
context.SetCurrent();
using CudaStream own = new(CUStreamFlags.NonBlocking);
using CudaEvent written = new(CUEventFlags.DisableTiming), read = new(CUEventFlags.DisableTiming);
await using Engine engine = Engine.Load(args[0], new EngineOptions { Device = ComputeDevice.Cuda, DeviceOrdinal = 0 });
int width = engine.Config.HiddenSize;

// Rows on the own stream: a real program's kernel computes them.
using CudaDeviceVariable<float> rows = new(4 * width);
rows.MemsetAsync(BitConverter.SingleToUInt32Bits(0.01f), own.Stream);
written.Record(own.Stream);
EmbeddingPart part = new((nint)(ulong)rows.DevicePointer, 4, width, EmbeddingType.F32) { ReadyEvent = written.Event.Pointer };

// Logits on the own stream, after the engine's work and before its next.
using CudaDeviceVariable<float> copy = new(engine.Config.VocabularySize);
using CudaEvent logitsWritten = new(CUEventFlags.DisableTiming);
engine.LogitsHook = logits =>
{
    context.SetCurrent(); // the engine's thread
    using CudaStream theirs = new(new CUstream { Pointer = logits.Stream }); // does not own it
    using CudaDeviceVariable<float> row = new(new CUdeviceptr { Pointer = (ulong)logits.DevicePointer }, (ulong)logits.Vocabulary * sizeof(float));
    logitsWritten.Record(theirs.Stream);
    own.WaitEvent(logitsWritten.Event);
    copy.AsyncCopyToDevice(row, own.Stream);
    read.Record(own.Stream);
    theirs.WaitEvent(read.Event);
};
GenerationRequest request = new()
{
    Prompt = new EmbeddingPrompt([part, new TokenPart(engine.Encode(new TextPrompt("What is 47 + 85 - 19?")))]),
    MaxNewTokens = 16,
};
GeneratedSample sample = (await engine.GenerateAsync(request)).Samples[0];
own.Synchronize();
float[] last = copy;
Console.WriteLine($"{sample.Answer}\nlargest logit of the last step: {last.Max()}");
