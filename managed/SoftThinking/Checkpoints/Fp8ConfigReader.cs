using System.Collections.Immutable;
using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads the quantization_config of checkpoints of 8-bit floats: method fp8, and compressed-tensors with the format
/// float-quantized. All others are refused by name.</summary>
internal static class Fp8ConfigReader
{
    private const string Compressed = "compressed-tensors";

    /// <summary>The exclusion lists of all methods.</summary>
    private static readonly string[] Exclusions = ["modules_to_not_convert", "ignored_layers", "ignore"];

    public static Fp8Config? Read(JsonSettings json)
    {
        // The second is the key of early versions of compressed-tensors.
        foreach (string key in (ReadOnlySpan<string>)["quantization_config", "compression_config"])
        {
            if (json.OptionalObject(key) is JsonSettings quantization)
                return Read(json, key, quantization);
        }
        return null;
    }

    private static Fp8Config Read(JsonSettings json, string key, JsonSettings quantization)
    {
        string? method = quantization.OptionalText("quant_method");
        ModuleList excluded = ReadExcluded(quantization);
        return method switch
        {
            "fp8" => ReadFp8(quantization, excluded),
            Compressed => ReadCompressed(quantization, excluded),
            _ => throw json.Refuse(key, $"asks for quantized weights (method {HostileText.Quote(method ?? "unnamed")}); supported are fp8 and "
                + "compressed-tensors with the format float-quantized, and models with BF16, F16 or F32 weights"),
        };
    }

    private static ModuleList ReadExcluded(JsonSettings json)
    {
        foreach (string key in Exclusions)
        {
            if (json.OptionalTexts(key) is not ImmutableArray<string> entries)
                continue;
            try
            {
                return new ModuleList(entries);
            }
            catch (ArgumentException e)
            {
                throw json.Refuse(key, $"has an entry that is not supported: {HostileText.Quote(e.Message)}");
            }
        }
        return new ModuleList([]);
    }

    private static Fp8Config ReadFp8(JsonSettings json, ModuleList excluded)
    {
        if (json.OptionalText("fmt") is string format && format != "e4m3")
            throw json.Refuse("fmt", $"is {HostileText.Quote(format)}; supported is e4m3");
        // How other programs quantize activations, which are exact here.
        if (json.OptionalText("activation_scheme") is string scheme && scheme is not ("dynamic" or "static"))
            throw json.Refuse("activation_scheme", $"is {HostileText.Quote(scheme)}; supported are dynamic and static");
        return ReadBlock(json, "weight_block_size") is (int rows, int cols)
            ? new Fp8Config("fp8", $"blocks of {rows} x {cols}", rows, cols, excluded)
            : new Fp8Config("fp8", "one for the tensor", null, null, excluded);
    }

    private static Fp8Config ReadCompressed(JsonSettings json, ModuleList excluded)
    {
        const string Wanted = "float-quantized";
        string format = json.OptionalText("format") ?? "unnamed";
        if (format != Wanted)
            throw json.Refuse("format", $"is {HostileText.Quote(format)}; supported is {Wanted}");
        if (json.OptionalObject("sparsity_config") is JsonSettings sparsity && sparsity.OptionalText("format") is string sparse && sparse != "dense")
            throw sparsity.Refuse("format", $"is {HostileText.Quote(sparse)}; sparse weights are not supported");
        JsonSettings groups = json.OptionalObject("config_groups") ?? throw json.Refuse("config_groups", "is missing");
        Fp8Config? config = null;
        foreach (JsonProperty entry in groups.Entries)
        {
            JsonSettings group = groups.Object(entry);
            JsonSettings weights = group.OptionalObject("weights") ?? throw group.Refuse("weights", "is missing");
            Fp8Config found = ReadWeights(weights, excluded);
            if (config != null && config != found)
                throw weights.Refuse("strategy", "differs from that of another group, which is not supported");
            config = found;
        }
        return config ?? throw json.Refuse("config_groups", "is empty");
    }

    private static Fp8Config ReadWeights(JsonSettings json, ModuleList excluded)
    {
        string type = json.OptionalText("type") ?? "int"; // compressed-tensors' default
        if (type != "float" || json.Integer("num_bits", 1, 64, 8) != 8)
            throw json.Refuse("type", $"is {HostileText.Quote(type)} with num_bits {json.Integer("num_bits", 1, 64, 8)}; supported is float with 8");
        if (json.OptionalFlag("symmetric") == false)
            throw json.Refuse("symmetric", "is false; weights with zero points are not supported");
        string strategy = json.OptionalText("strategy") ?? "tensor";
        return strategy switch
        {
            "tensor" => new Fp8Config(Compressed, "one for the tensor", null, null, excluded),
            "channel" => new Fp8Config(Compressed, "one for each row", 1, null, excluded),
            "block" => ReadBlock(json, "block_structure") is (int rows, int cols)
                ? new Fp8Config(Compressed, $"blocks of {rows} x {cols}", rows, cols, excluded)
                : throw json.Refuse("block_structure", "is missing"),
            _ => throw json.Refuse("strategy", $"is {HostileText.Quote(strategy)}; supported are tensor, channel and block"),
        };
    }

    // The backends have a scale for every 128 columns of a row: blocks of multiples of that.
    private static (int Rows, int Cols)? ReadBlock(JsonSettings json, string key)
    {
        if (json.Find(key) is not JsonElement list)
            return null;
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() != 2)
            throw json.Refuse(key, $"must be a list of two numbers, found {JsonText.Show(list)}");
        (int rows, int cols) = (json.ReadInteger(key, list[0], 1, 1 << 22), json.ReadInteger(key, list[1], 1, 1 << 22));
        return cols % ScaleGrid.BlockCols == 0
            ? (rows, cols)
            : throw json.Refuse(key, $"has {cols} columns; supported are multiples of {ScaleGrid.BlockCols}");
    }
}
