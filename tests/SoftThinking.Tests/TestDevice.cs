using System.Runtime.InteropServices;
using NUnit.Framework;
using SoftThinking.Interop;

namespace SoftThinking.Tests;

/// <summary>Where a test computes: the CPU backend, or the CUDA kernels. Those run on the emulated device, or where
/// SOFTTHINKING_TEST_CUDA names the library of the CUDA backend, on a GPU.</summary>
public sealed record TestDevice(string Name)
{
    private static readonly string? CudaLibrary =
        Environment.GetEnvironmentVariable("SOFTTHINKING_TEST_CUDA") is { Length: > 0 } path ? path : null;

    public static readonly TestDevice Cpu = new("cpu"), Kernels = new(CudaLibrary == null ? "simt" : "cuda");

    /// <summary>Both, for parameters of tests.</summary>
    public static readonly TestDevice[] All = [Cpu, Kernels];

    /// <summary>Whether it is the one that can be told to fail.</summary>
    public bool Emulated => this != Cpu && Backend.Get(Library).Name == "simt";

    /// <summary>Options for an engine there; on the CUDA kernels with activations of f32, unless said otherwise.</summary>
    internal EngineOptions Options(int threads = 2, NativeDtype activations = NativeDtype.F32) => this == Cpu
        ? new EngineOptions { Device = ComputeDevice.Cpu, Threads = threads }
        : new EngineOptions { BackendLibrary = Library, Activations = activations.ToString().ToLowerInvariant() };

    internal Device Open(NativeDtype activations, int ordinal = 0) => this == Cpu
        ? Device.Open(Backend.Cpu, threads: 2, activations)
        : Device.Open(Backend.Get(Library), threads: 0, activations, ordinal: ordinal);

    /// <summary>For tests of what only the emulated device can be told to do.</summary>
    public void MustBeEmulated()
    {
        if (!Emulated)
            Assert.Ignore("only the emulated device can be told to fail");
    }

    /// <summary>Resets the emulated device, as only an application may: until then a failed kernel's error stays.</summary>
    internal void Reset(int ordinal = 0)
    {
        nint reset = NativeLibrary.GetExport(NativeLibrary.Load(Library), "cuDevicePrimaryCtxReset_v2");
        Assert.That(Marshal.GetDelegateForFunctionPointer<ResetContext>(reset)(ordinal), Is.Zero);
    }

    private delegate int ResetContext(int device);

    /// <summary>For tests of several devices.</summary>
    internal void MustBeThere(int devices)
    {
        if (this == Cpu || Emulated)
            return;
        try
        {
            Open(NativeDtype.F32, devices - 1).Dispose();
        }
        catch (BackendException reason)
        {
            Assert.Ignore($"needs {devices} GPUs: {reason.Message}");
        }
    }

    public override string ToString() => Name;

    /// <summary>The library of the backend, which on the emulated device is also CUDA's driver.</summary>
    internal static string Library
    {
        get
        {
            string path = CudaLibrary ?? Path.Combine(TestData.RepositoryRoot, "build", TestData.Configuration, "tests", "libsoftthinking_simt.so");
            if (CudaLibrary == null && !File.Exists(path))
                Assert.Ignore($"{path} does not exist: the emulated device is built where GoogleTest and Boost.Context are installed (Debian, Ubuntu: apt install libgtest-dev libboost-context-dev)");
            return path;
        }
    }
}
