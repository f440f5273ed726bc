using Microsoft.Extensions.Logging;

namespace SoftThinking.Interop;

/// <summary>Opens the device that an engine's options ask for.</summary>
internal static class DeviceChoice
{
    /// <exception cref="BackendException">It is not there: the message says why.</exception>
    public static Device Open(EngineOptions options, ILogger logger)
    {
        if (options.BackendLibrary is string library)
            return Device.Open(Backend.Get(library), options.Threads, options.Activations);
        return options.Device switch
        {
            ComputeDevice.Cpu => OpenCpu(options),
            ComputeDevice.Cuda => Device.Open(Backend.Cuda, options.Threads, options.Activations),
            _ => TryOpenCuda(options, logger) ?? OpenCpu(options),
        };
    }

    private static Device OpenCpu(EngineOptions options) => Device.Open(Backend.Cpu, options.Threads, options.Activations);

    private static Device? TryOpenCuda(EngineOptions options, ILogger logger)
    {
        try
        {
            return Device.Open(Backend.Cuda, options.Threads, options.Activations);
        }
        catch (BackendException reason)
        {
            EngineLog.NoCuda(logger, reason.Message);
            return null;
        }
    }
}
