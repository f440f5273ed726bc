namespace SoftThinking;

/// <summary>Where to compute.</summary>
public enum ComputeDevice
{
    /// <summary>A CUDA device where there is one, else the CPU.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>A CUDA device (<see cref="EngineOptions.DeviceOrdinal"/>).</summary>
    Cuda,
}
