using Microsoft.Extensions.Logging;

using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>Opens the device that an engine's options ask for.</summary>
internal static class DeviceChoice
{
    /// <exception cref="BackendException">The device is not available; the message says why.</exception>
    public static Device Open(EngineOptions options, ILogger logger)
    {
        if (options.BackendLibrary is string library)
            return Open(Backend.Get(library), options);
        return options.Device switch
        {
            ComputeDevice.Cpu => OpenCpu(options),
            ComputeDevice.Cuda => Open(Backend.Cuda, options),
            _ => TryOpenCuda(options, logger) ?? OpenCpu(options),
        };
    }

    private static Device OpenCpu(EngineOptions options) => Open(Backend.Cpu, options);

    private static Device Open(Backend backend, EngineOptions options) =>
        Device.Open(backend, options.Threads, ActivationsOf(options), options.FastPrefill, backend == Backend.Cpu ? 0 : options.DeviceOrdinal);

    private static NativeDtype? ActivationsOf(EngineOptions options) => options.Activations switch
    {
        null => null,
        "f32" => NativeDtype.F32,
        "f16" => NativeDtype.F16,
        "bf16" => NativeDtype.Bf16,
        string other => throw new ArgumentException($"unknown activation format '{other}': use f32, f16 or bf16"),
    };

    private static Device? TryOpenCuda(EngineOptions options, ILogger logger)
    {
        try
        {
            return Open(Backend.Cuda, options);
        }
        catch (BackendException reason)
        {
            EngineLog.NoCuda(logger, reason.Message);
            return null;
        }
    }
}
