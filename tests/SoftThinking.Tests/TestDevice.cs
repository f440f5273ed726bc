using NUnit.Framework;
using SoftThinking.Interop;

namespace SoftThinking.Tests;

/// <summary>Where a test computes: the CPU backend, or the CUDA kernels on the emulated device. CUDA itself has its own
/// check, tests/gpu/run.sh.</summary>
public sealed record TestDevice(string Name)
{
    public static readonly TestDevice Cpu = new("cpu"), Emulated = new("simt");

    /// <summary>Both, for parameters of tests.</summary>
    public static readonly TestDevice[] All = [Cpu, Emulated];

    /// <summary>Options for an engine there; on the emulated device with activations of f32, unless said otherwise.</summary>
    internal EngineOptions Options(int threads = 2, NativeDtype activations = NativeDtype.F32) => this == Cpu
        ? new EngineOptions { Device = ComputeDevice.Cpu, Threads = threads }
        : new EngineOptions { BackendLibrary = Library, Activations = activations };

    internal Device Open(NativeDtype activations) => this == Cpu
        ? Device.Open(Backend.Cpu, threads: 2, activations)
        : Device.Open(Backend.Get(Library), threads: 0, activations);

    public override string ToString() => Name;

    private static string Library
    {
        get
        {
            string path = Path.Combine(TestData.RepositoryRoot, "build", TestData.Configuration, "tests", "libsoftthinking_simt.so");
            if (!File.Exists(path))
                Assert.Ignore($"{path} is absent: the emulated device needs GoogleTest and Boost.Context to be built");
            return path;
        }
    }
}
