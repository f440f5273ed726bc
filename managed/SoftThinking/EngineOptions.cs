using Microsoft.Extensions.Logging;

namespace SoftThinking;

/// <summary>How an engine is set up. No option changes the result of a request, except
/// <see cref="Device"/>, <see cref="Weights"/>, <see cref="KvDtype"/>, <see cref="FastPrefill"/>, and a <see cref="TensorParallel"/> that is
/// not 1, 2, 4 or 8.</summary>
public sealed record EngineOptions
{
    /// <summary>Where to compute.</summary>
    public ComputeDevice Device { get; init; }

    /// <summary>Which CUDA device, from 0, in the order of the driver; of no effect on the CPU.</summary>
    public int DeviceOrdinal
    {
        get;
        init => field = OptionRange.Check(value, 0, 1023, "0 to 1023");
    }

    /// <summary>A CUstream of the caller's to compute on, created in the primary context of the device <see cref="DeviceOrdinal"/>; it must outlive the
    /// engine. 0 for a stream of the engine's own, <see cref="Engine.CudaStream"/>. Only with CUDA and one device.</summary>
    public nint CudaStream { get; init; }

    /// <summary>Threads that compute on the CPU: 1 to 1024; 0 for as many as the process may use.</summary>
    public int Threads
    {
        get;
        init => field = OptionRange.Check(value, 0, 1024, "0 to 1024");
    }

    /// <summary>Devices that compute the model together, 1 to 64: GPUs from <see cref="DeviceOrdinal"/> on, or on the CPU groups of threads.
    /// Each holds a part of the weights and of the KV cache. Results do not depend on it where it is 1, 2, 4 or 8. The model's attention heads
    /// must be divisible by it.</summary>
    public int TensorParallel
    {
        get;
        init => field = OptionRange.Check(value, 1, 64, "1 to 64");
    } = 1;

    /// <summary>Number format of the matrices in memory.</summary>
    public WeightFormat Weights { get; init; }

    /// <summary>Number format of the KV cache.</summary>
    public KvDtype KvDtype { get; init; } = KvDtype.Bf16;

    /// <summary>Whether steps that compute prompts may use the vendor's matmul library, cuBLAS on CUDA, instead of the engine's own
    /// kernels, for speed. It gives up batch invariance: how such a step rounds may depend on how many positions it has, and so a
    /// request's result may depend on concurrent requests, on how its prompt is split into steps, on how much of it the prefix cache
    /// holds, and on the version of the library. It is used for steps of 512 positions and more, so <see cref="StepTokens"/> should be
    /// a few times that; it needs 64 MiB of device memory. Steps that only decode keep their bits. Without effect where there is no
    /// such library, as on the CPU; <see cref="Diagnostics.EngineDiagnostics.FastPrefill"/> reports that.</summary>
    public bool FastPrefill { get; init; }

    /// <summary>Whether the engine's thread sleeps while it waits for a CUDA device, instead of spinning. That frees a core of the
    /// processor, and lengthens each wait by the time in which the system wakes a thread, some tens of microseconds. Without effect on
    /// the CPU.</summary>
    public bool BlockingWaits { get; init; }

    /// <summary>Maximum number of sequences in progress at once, 1 to 1024; more wait.</summary>
    public int MaxSequences
    {
        get;
        init => field = OptionRange.Check(value, 1, 1024, "1 to 1024");
    } = 16;

    /// <summary>Maximum positions that one engine step computes, 1 to 65536; values below <see cref="MaxSequences"/> are raised to it.
    /// Long prompts are computed in chunks that leave room for every sequence in progress.</summary>
    public int StepTokens
    {
        get;
        init => field = OptionRange.Check(value, 1, 65536, "1 to 65536");
    } = 256;

    /// <summary>Bytes of the KV cache, on each device, 1 or more; null for what <see cref="MaxSequences"/> full contexts need, at most half of
    /// the free memory, or nine tenths of a GPU's. System memory is committed on first use, a GPU's at once.</summary>
    public long? KvCacheBytes
    {
        get;
        init => field = value is long bytes ? OptionRange.Check(bytes, 1, long.MaxValue, "1 or more") : null;
    }

    /// <summary>Maximum positions of a sequence, 2 to the model's own limit; null for that limit. Loading refuses more. A smaller KV cache lowers
    /// it.</summary>
    public int? ContextLength
    {
        get;
        init => field = value is int positions ? OptionRange.Check(positions, 2, int.MaxValue, "2 or more") : null;
    }

    /// <summary>Maximum number of new tokens of a sample, 1 or more: a request for more is refused, one without a limit of its own gets
    /// this one. Null for no limit but the context.</summary>
    public int? MaxNewTokens
    {
        get;
        init => field = value is int tokens ? OptionRange.Check(tokens, 1, int.MaxValue, "1 or more") : null;
    }

    /// <summary>Maximum entries of a concept token in a request's prompt or output, 1 to 1024.</summary>
    public int MaxTopk
    {
        get;
        init => field = OptionRange.Check(value, 1, 1024, "1 to 1024");
    } = 64;

    /// <summary>Maximum number of samples that wait to start, 1 or more; further requests are refused.</summary>
    public int QueueLength
    {
        get;
        init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more");
    } = 1024;

    /// <summary>Whether keys and values of a prefix that was computed earlier are reused.</summary>
    public bool PrefixCache { get; init; } = true;

    /// <summary>Whether to time each operation, for <see cref="Diagnostics.EngineDiagnostics.TakeProfile"/>. It costs a little time, and
    /// more on a GPU, because steps are then not launched as graphs.</summary>
    public bool Profile { get; init; }

    /// <summary>Called on the loading thread with the fraction loaded, 0 to 1.</summary>
    public Action<double>? LoadProgress { get; init; }

    /// <summary>Receives the engine's log. A logger that throws does no harm.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>Library of a backend that replaces <see cref="Device"/>; for tests.</summary>
    internal string? BackendLibrary { get; init; }

    /// <summary>Number format between operations, "f32", "f16" or "bf16"; null for the backend's own; for tests.</summary>
    internal string? Activations { get; init; }
}
