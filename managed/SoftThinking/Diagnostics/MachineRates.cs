using Microsoft.Extensions.Logging.Abstractions;
using SoftThinking.Execution;
using SoftThinking.Interop;

namespace SoftThinking.Diagnostics;

/// <summary>The measured ceilings of a device.</summary>
/// <param name="Device">Kind of the device.</param>
/// <param name="InstructionSet">The instructions that its kernels use.</param>
/// <param name="Threads">Threads that compute.</param>
/// <param name="ReadBandwidth">Bytes per second, read from memory well beyond the caches.</param>
/// <param name="MultiplyAddsF32">Multiply-adds of f32 per second.</param>
/// <param name="MultiplyAddsBf16">Of bf16, summed in f32; 0 where there is no instruction for it.</param>
/// <param name="MultiplyAddsInt8">Of 8-bit integers, summed in 32 bits; 0 where there is no instruction for it.</param>
public sealed record MachineRates(
    string Device, string InstructionSet, int Threads, double ReadBandwidth, double MultiplyAddsF32, double MultiplyAddsBf16,
    double MultiplyAddsInt8)
{
    /// <summary>Measures the device that the options name: takes a second or two, and half a gigabyte of memory meanwhile.</summary>
    /// <exception cref="ArgumentNullException">The options are null.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded, the device does not exist, or the memory is not available.</exception>
    public static unsafe MachineRates Measure(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using Device device = DeviceChoice.Open(options, options.Logger ?? NullLogger.Instance);
        DeviceRates rates = device.Measure(bandwidthNow: false);
        DeviceInfo info = device.Query();
        return new MachineRates(
            NativeText.Read(info.Name, 64), NativeText.Read(info.InstructionSet, 32), info.Threads,
            rates.ReadBandwidth, rates.MultiplyAddsF32, rates.MultiplyAddsBf16, rates.MultiplyAddsInt8);
    }

    /// <summary>What the device reads now, while others may use the machine: bytes per second of the median of several passes.
    /// Measure it right before and after what it is compared with.</summary>
    /// <exception cref="ArgumentNullException">The options are null.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded, the device does not exist, or the memory is not available.</exception>
    public static double ReadBandwidthNow(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using Device device = DeviceChoice.Open(options, options.Logger ?? NullLogger.Instance);
        return device.Measure(bandwidthNow: true).ReadBandwidth;
    }

    /// <summary>The higher of each rate of two measurements of one machine.</summary>
    /// <exception cref="ArgumentNullException">The other is null.</exception>
    public MachineRates BestOf(MachineRates other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return this with
        {
            ReadBandwidth = Math.Max(ReadBandwidth, other.ReadBandwidth),
            MultiplyAddsF32 = Math.Max(MultiplyAddsF32, other.MultiplyAddsF32),
            MultiplyAddsBf16 = Math.Max(MultiplyAddsBf16, other.MultiplyAddsBf16),
            MultiplyAddsInt8 = Math.Max(MultiplyAddsInt8, other.MultiplyAddsInt8),
        };
    }
}
