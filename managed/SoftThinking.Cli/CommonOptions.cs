using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    private const string Bf16 = "bf16", F32 = "f32", Auto = "auto", Cpu = "cpu", Cuda = "cuda";

    public static Option<string?> Model { get; } = new("--model")
    {
        Description = $"A Hugging Face checkpoint: a directory, or a .safetensors file beside its config.json. "
            + $"Without it {DemonstrationModel.Name}, a small model that comes with the program and can add and subtract.",
        HelpName = "DIR",
    };

    public static Option<string> KvDtype { get; } = Choice("--kv-dtype",
        "Numbers of the KV cache: bf16 (half the memory) or f32 (exact).", Bf16, F32);

    public static Option<string> Device { get; } = Choice("--device",
        "Where to compute: auto (the best this build has), cpu or cuda.", Auto, Cpu, Cuda);

    public static KvDtype ReadKvDtype(ParseResult parsed) =>
        parsed.GetValue(KvDtype) == F32 ? SoftThinking.KvDtype.F32 : SoftThinking.KvDtype.Bf16;

    /// <exception cref="BackendException">This build has no such device.</exception>
    public static void RequireDevice(string device)
    {
        if (device == Cuda)
            throw new BackendException("--device cuda: this build has no CUDA backend; use --device cpu");
    }

    private static Option<string> Choice(string name, string description, params string[] values)
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
