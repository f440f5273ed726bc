using System.CommandLine;
using System.Globalization;

namespace SoftThinking.Cli;

/// <summary>Options shared by several commands.</summary>
internal static class CommonOptions
{
    private const string Bf16 = "bf16", F32 = "f32", Stored = "stored", Int8 = "int8", Fp8 = "fp8", Auto = "auto", Cpu = "cpu", Cuda = "cuda";
    private const int FastStepTokens = 2048;

    public static Option<string?> Model { get; } =
        ModelOption($"{DemonstrationModel.Name}, a small model included with the program that can add and subtract.");

    /// <summary>The option --model with another default.</summary>
    public static Option<string?> ModelOption(string preset) => OptionKinds.PathTo("--model", "DIR",
        $"A Hugging Face checkpoint: a directory, or a .safetensors file with config.json in the same directory. The default is {preset}");

    public static Option<string> KvDtype { get; } = Choice("--kv-dtype",
        "Number format of the KV cache: bf16, f32 (exact, twice the memory) or int8 (8-bit integers with a scale for each key and value: "
        + "half the memory, slightly different output).", Bf16, F32, Int8);

    public static Option<string> Weights { get; } = Choice("--weights",
        "Number format of the matrices: stored (as in the checkpoint), int8 (blocks of 32 with a common scale) or fp8 (8-bit floats with a "
        + "scale for each row): less memory, faster, slightly different output.", Stored, Int8, Fp8);

    public static Option<string> Device { get; } = CreateDevice();

    public static Option<bool> FastPrefill { get; } = new("--fast-prefill")
    {
        Description = "Compute prompts with cuBLAS, "
            + FormattableString.Invariant($"{FastStepTokens} positions at a time: faster for long prompts, but the output may then depend on ")
            + "concurrent requests and on the version of cuBLAS. Decoding is unchanged. CUDA only.",
    };

    private static readonly Option<bool> BlockingWaits = new("--blocking-waits")
    {
        Description = "Sleep until the device has computed a step, instead of keeping a core busy. Steps begin some tens of microseconds later. CUDA only.",
    };

    private static readonly Option<int?> Threads = NumberOption.Create<int>("--threads",
        "Compute threads: 1 to 1024, or 0 for one per core. The output does not depend on it.", 0,
        value => _ = new EngineOptions { Threads = value });

    public static Option<int?> TensorParallel { get; } = NumberOption.Create<int>("--tensor-parallel",
        "Devices that share the model, 1 to 64: GPUs from the given one on, or on the CPU groups of threads. The output does not depend on it "
        + "where it is 1, 2, 4 or 8. It must divide the model's attention heads.", 1,
        value => _ = new EngineOptions { TensorParallel = value });

    /// <summary>The options of the group "machine".</summary>
    public static Option[] Machine => [Device, Threads, TensorParallel, Weights, KvDtype, FastPrefill, BlockingWaits];

    /// <summary>The engine options of the group "machine".</summary>
    public static EngineOptions ReadMachine(ParseResult parsed)
    {
        EngineOptions options = ReadDevice(parsed);
        return parsed.GetValue(FastPrefill) ? options with { FastPrefill = true, StepTokens = FastStepTokens } : options;
    }

    private static EngineOptions ReadDevice(ParseResult parsed) => ParseDevice(parsed.GetValue(Device)!)! with
    {
        Threads = parsed.GetValue(Threads) ?? 0,
        TensorParallel = parsed.GetValue(TensorParallel) ?? 1,
        BlockingWaits = parsed.GetValue(BlockingWaits),
        Weights = parsed.GetValue(Weights) switch
        {
            Int8 => WeightFormat.Int8,
            Fp8 => WeightFormat.Fp8,
            _ => WeightFormat.Stored,
        },
        KvDtype = ReadKvDtype(parsed),
    };

    private static Option<string> CreateDevice()
    {
        Option<string> option = new("--device")
        {
            Description = "Device to compute on: auto (a CUDA device if available, else the CPU), cpu, cuda, or cuda:N for the CUDA device N "
                + "from 0.",
            HelpName = "auto|cpu|cuda|cuda:N",
            DefaultValueFactory = _ => Auto,
        };
        option.Validators.Add(result =>
        {
            string given = result.Tokens.Count > 0 ? result.Tokens[0].Value : Auto;
            if (ParseDevice(given) == null)
                result.AddError($"--device must be auto or cpu or cuda or cuda:N with N from 0 to 1023, not '{given}'");
        });
        return option;
    }

    /// <returns>Null where it is no device.</returns>
    private static EngineOptions? ParseDevice(string text) => text switch
    {
        Auto => new EngineOptions(),
        Cpu => new EngineOptions { Device = ComputeDevice.Cpu },
        Cuda => new EngineOptions { Device = ComputeDevice.Cuda },
        _ when text.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal) && ordinal < 1024 =>
            new EngineOptions { Device = ComputeDevice.Cuda, DeviceOrdinal = ordinal },
        _ => null,
    };

    public static string NameOf(KvDtype dtype) => dtype.ToString().ToLowerInvariant();

    public static KvDtype ReadKvDtype(ParseResult parsed) =>
        Enum.Parse<KvDtype>(parsed.GetRequiredValue(KvDtype), ignoreCase: true);

    /// <summary>An option with one of several values, the first by default.</summary>
    public static Option<string> Choice(string name, string description, params string[] values)
    {
        Option<string> option = new(name)
        {
            Description = description,
            HelpName = string.Join('|', values),
            DefaultValueFactory = _ => values[0],
        };
        option.Validators.Add(result =>
        {
            string given = result.Tokens.Count > 0 ? result.Tokens[0].Value : values[0];
            if (!values.Contains(given))
                result.AddError($"{name} must be {string.Join(" or ", values)}, not '{given}'");
        });
        return option;
    }
}
