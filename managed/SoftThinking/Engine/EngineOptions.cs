using Microsoft.Extensions.Logging;
using SoftThinking.Interop;

namespace SoftThinking;

/// <summary>Number format of the KV cache.</summary>
public enum KvDtype
{
    /// <summary>2 bytes an element.</summary>
    Bf16,

    /// <summary>4 bytes an element; products then take their inputs exactly, too, where they would be rounded to bf16 for speed.</summary>
    F32,
}

/// <summary>Number format of the matrices in memory.</summary>
public enum WeightFormat
{
    /// <summary>As the checkpoint stores them.</summary>
    Stored,

    /// <summary>Blocks of 32 integers of 8 bits with a common scale: half the memory of bf16, and nearly twice its speed where
    /// memory is the limit. CPU only.</summary>
    Int8,
}

/// <summary>Where to compute.</summary>
public enum ComputeDevice
{
    /// <summary>A CUDA device where there is one, else the CPU.</summary>
    Auto,

    Cpu,

    /// <summary>The first CUDA device.</summary>
    Cuda,
}

/// <summary>How an engine is set up. No option changes what a request gives, except
/// <see cref="Device"/>, <see cref="Weights"/>, <see cref="KvDtype"/> and <see cref="FastPrefill"/>.</summary>
public sealed record EngineOptions
{
    /// <summary>Where to compute.</summary>
    public ComputeDevice Device { get; init; }

    /// <summary>Threads that compute on the CPU: 1 to 1024; 0 for as many as the process may use.</summary>
    public int Threads
    {
        get;
        init => field = OptionRange.Check(value, 0, 1024, "0 to 1024");
    }

    /// <summary>Number format of the matrices in memory.</summary>
    public WeightFormat Weights { get; init; }

    /// <summary>Number format of the KV cache.</summary>
    public KvDtype KvDtype { get; init; } = KvDtype.Bf16;

    /// <summary>Whether steps that compute prompts may use the vendor's library of products, cuBLAS on CUDA, in the place of
    /// the engine's own kernels, for speed. It costs the promise of the same bits: how such a step rounds may depend on
    /// how many positions it has, and so a request's result on what runs beside it, on how its prompt is cut into steps, on how
    /// much of it the prefix cache has, and on the version of the library. It is taken for steps of 512 positions and more, so
    /// <see cref="StepTokens"/> should be a few times that; it takes 64 MiB of the device. Steps that only decode keep their
    /// bits. Of no effect where there is no such library, as on the CPU: <see cref="SoftThinking.Engine.FastPrefill"/> tells.</summary>
    public bool FastPrefill { get; init; }

    /// <summary>Most sequences that are under way together, 1 to 1024; more wait.</summary>
    public int MaxSequences
    {
        get;
        init => field = OptionRange.Check(value, 1, 1024, "1 to 1024");
    } = 16;

    /// <summary>Most positions that one step computes, 1 to 65536; at least <see cref="MaxSequences"/> are taken. Long prompts
    /// go through in pieces that leave every sequence under way its step.</summary>
    public int StepTokens
    {
        get;
        init => field = OptionRange.Check(value, 1, 65536, "1 to 65536");
    } = 256;

    /// <summary>Bytes of the KV cache, 1 or more; null for what <see cref="MaxSequences"/> full contexts need, at most half of
    /// the free memory, or nine tenths of that of a GPU. The system's memory is taken as it is first used, a GPU's at once.</summary>
    public long? KvCacheBytes
    {
        get;
        init => field = value is long bytes ? OptionRange.Check(bytes, 1, long.MaxValue, "1 or more") : null;
    }

    /// <summary>Most positions of a sequence, 2 or more; null for the model's own limit. A smaller KV cache lowers it.</summary>
    public int? ContextLength
    {
        get;
        init => field = value is int positions ? OptionRange.Check(positions, 2, int.MaxValue, "2 or more") : null;
    }

    /// <summary>Most new tokens that a request may ask for, 1 or more; null for no limit but the context.</summary>
    public int? MaxNewTokens
    {
        get;
        init => field = value is int tokens ? OptionRange.Check(tokens, 1, int.MaxValue, "1 or more") : null;
    }

    /// <summary>Most tokens of a concept token that a request may ask for or bring, 1 to 1024.</summary>
    public int MaxTopk
    {
        get;
        init => field = OptionRange.Check(value, 1, 1024, "1 to 1024");
    } = 64;

    /// <summary>Most samples that wait to be begun, 1 or more; requests beyond are refused.</summary>
    public int QueueLength
    {
        get;
        init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more");
    } = 1024;

    /// <summary>Whether keys and values of a prefix that was computed before are used again.</summary>
    public bool PrefixCache { get; init; } = true;

    /// <summary>Whether to note how long each operation takes, for <see cref="Engine.TakeProfile"/>. It costs a little time, and
    /// on a GPU more, because steps are not launched as graphs then.</summary>
    public bool Profile { get; init; }

    /// <summary>Told the fraction of the weights that is loaded, 0 to 1, on the loading thread.</summary>
    public Action<double>? LoadProgress { get; init; }

    /// <summary>Where the engine tells what it does.</summary>
    public ILogger? Logger { get; init; }

    /// <summary>Library of a backend that is taken instead of <see cref="Device"/>; for tests.</summary>
    internal string? BackendLibrary { get; init; }

    /// <summary>Number format between the operations, null for the backend's own; for tests.</summary>
    internal NativeDtype? Activations { get; init; }
}
