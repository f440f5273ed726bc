using Microsoft.Extensions.Logging;
using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>Opens the devices that an engine's options ask for.</summary>
internal static class DeviceChoice
{
    /// <param name="weights">Number format of the model's matrices, which activations have on a GPU if it is one of 16 bits: tensor cores
    /// multiply equal formats.</param>
    /// <param name="local">Index of the device among the <paramref name="locals"/> that this machine gives to the engine.</param>
    /// <exception cref="BackendException">The device is not available; the message says why.</exception>
    public static Device Open(EngineOptions options, ILogger logger, NativeDtype? weights = null, int local = 0, int locals = 1)
    {
        if (options.BackendLibrary is string library)
            return Open(Backend.Get(library), options, weights, local, locals);
        return options.Device switch
        {
            ComputeDevice.Cpu => Open(Backend.Cpu, options, weights, local, locals),
            ComputeDevice.Cuda => Open(Backend.Cuda, options, weights, local, locals),
            _ => TryOpenCuda(options, logger, weights, local, locals) ?? Open(Backend.Cpu, options, weights, local, locals),
        };
    }

    /// <summary>Opens the devices of all ranks, of one backend.</summary>
    public static Device[] OpenAll(EngineOptions options, ILogger logger, NativeDtype weights)
    {
        List<Device> devices = [];
        try
        {
            devices.Add(Open(options, logger, weights, 0, options.TensorParallel));
            while (devices.Count < options.TensorParallel)
                devices.Add(Open(devices[0].Backend, options, weights, devices.Count, options.TensorParallel));
            return [.. devices];
        }
        catch
        {
            devices.ForEach(device => device.Dispose());
            throw;
        }
    }

    private static Device Open(Backend backend, EngineOptions options, NativeDtype? weights, int local, int locals) => backend == Backend.Cpu
        ? Device.Open(backend, ThreadsOf(options, locals), ActivationsOf(options), options.FastPrefill)
        : Device.Open(
            backend, options.Threads, ActivationsOf(options) ?? SixteenBits(weights), options.FastPrefill, options.DeviceOrdinal + local,
            options.BlockingWaits);

    /// <summary>Threads of each of the CPU's ranks: an equal part.</summary>
    private static int ThreadsOf(EngineOptions options, int locals)
    {
        if (locals == 1)
            return options.Threads;
        using Device all = Device.Open(Backend.Cpu, options.Threads);
        return Math.Max(all.Query().Threads / locals, 1);
    }

    private static NativeDtype? ActivationsOf(EngineOptions options) => options.Activations switch
    {
        null => null,
        "f32" => NativeDtype.F32,
        "f16" => NativeDtype.F16,
        "bf16" => NativeDtype.Bf16,
        string other => throw new ArgumentException($"unknown activation format '{other}': use f32, f16 or bf16"),
    };

    private static NativeDtype? SixteenBits(NativeDtype? weights) => weights is NativeDtype.F16 or NativeDtype.Bf16 ? weights : null;

    private static Device? TryOpenCuda(EngineOptions options, ILogger logger, NativeDtype? weights, int local, int locals)
    {
        try
        {
            return Open(Backend.Cuda, options, weights, local, locals);
        }
        catch (BackendException reason)
        {
            EngineLog.NoCuda(logger, reason.Message);
            return null;
        }
    }
}
