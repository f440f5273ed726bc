namespace SoftThinking.Extensions.AI;

/// <summary>The model of an application, as its configuration has it. Settings that are null have the default, and all have the range, of
/// the property of <see cref="EngineOptions"/> with the same name.</summary>
public sealed class SoftThinkingOptions
{
    /// <summary>Name of the section of the configuration.</summary>
    public const string Section = "SoftThinking";

    private const string FileExtension = ".safetensors";

    /// <summary>The checkpoint: a directory, or a .safetensors file with its config.json next to it.</summary>
    public string Model { get; set; } = "";

    /// <summary>Name of the model in replies; null for that of the directory or file.</summary>
    public string? ModelId { get; set; }

    /// <summary>Where to compute.</summary>
    public ComputeDevice? Device { get; set; }

    /// <summary>Which CUDA device, from 0.</summary>
    public int? DeviceOrdinal { get; set; }

    /// <summary>Threads that compute on the CPU; 0 for as many as the process may use.</summary>
    public int? Threads { get; set; }

    /// <summary>Devices that compute the model together.</summary>
    public int? TensorParallel { get; set; }

    /// <summary>Number format of the matrices in memory.</summary>
    public WeightFormat? Weights { get; set; }

    /// <summary>Number format of the KV cache.</summary>
    public KvDtype? KvDtype { get; set; }

    /// <summary>Whether steps that compute prompts may use the vendor's matmul library.</summary>
    public bool? FastPrefill { get; set; }

    /// <summary>Whether the engine's thread sleeps while it waits for a CUDA device.</summary>
    public bool? BlockingWaits { get; set; }

    /// <summary>Maximum number of sequences in progress at once.</summary>
    public int? MaxSequences { get; set; }

    /// <summary>Maximum positions that one engine step computes.</summary>
    public int? StepTokens { get; set; }

    /// <summary>Bytes of the KV cache, on each device.</summary>
    public long? KvCacheBytes { get; set; }

    /// <summary>Maximum positions of a sequence.</summary>
    public int? ContextLength { get; set; }

    /// <summary>Maximum number of new tokens of a reply.</summary>
    public int? MaxNewTokens { get; set; }

    /// <summary>Maximum entries of a concept token.</summary>
    public int? MaxTopk { get; set; }

    /// <summary>Maximum number of requests that wait to start.</summary>
    public int? QueueLength { get; set; }

    /// <summary>Whether keys and values of a prefix that was computed earlier are reused.</summary>
    public bool? PrefixCache { get; set; }

    /// <summary>Name of the section of the configuration that a model with a key has.</summary>
    internal static string SectionOf(string? key) => string.IsNullOrEmpty(key) ? Section : $"{Section}:{key}";

    internal string ModelName
    {
        get
        {
            string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Model)));
            return ModelId ?? (name.EndsWith(FileExtension, StringComparison.Ordinal) ? name[..^FileExtension.Length] : name);
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    internal EngineOptions ToEngineOptions()
    {
        EngineOptions defaults = new();
        return defaults with
        {
            Device = Device ?? defaults.Device,
            DeviceOrdinal = DeviceOrdinal ?? defaults.DeviceOrdinal,
            Threads = Threads ?? defaults.Threads,
            TensorParallel = TensorParallel ?? defaults.TensorParallel,
            Weights = Weights ?? defaults.Weights,
            KvDtype = KvDtype ?? defaults.KvDtype,
            FastPrefill = FastPrefill ?? defaults.FastPrefill,
            BlockingWaits = BlockingWaits ?? defaults.BlockingWaits,
            MaxSequences = MaxSequences ?? defaults.MaxSequences,
            StepTokens = StepTokens ?? defaults.StepTokens,
            KvCacheBytes = KvCacheBytes,
            ContextLength = ContextLength,
            MaxNewTokens = MaxNewTokens,
            MaxTopk = MaxTopk ?? defaults.MaxTopk,
            QueueLength = QueueLength ?? defaults.QueueLength,
            PrefixCache = PrefixCache ?? defaults.PrefixCache,
        };
    }
}
