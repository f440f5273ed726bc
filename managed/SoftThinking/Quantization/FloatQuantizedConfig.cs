using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Quantization;

/// <summary>The config.json of a compressed-tensors checkpoint whose matrices are <see cref="Checkpoints.Fp8Rows"/>, as llm-compressor writes
/// it for its scheme FP8_DYNAMIC: weights by channel, activations by token. This engine does not quantize activations, but vLLM computes
/// experts of 8-bit floats only if they are.</summary>
internal static class FloatQuantizedConfig
{
    private const string Key = "quantization_config";

    /// <summary>Keys of the source that described its quantization.</summary>
    private static readonly string[] Replaced = [Key, "compression_config"];

    /// <param name="source">The config.json of the original.</param>
    /// <param name="ignored">Linear modules that are not quantized.</param>
    /// <param name="path">The file to create.</param>
    public static void Write(string source, IEnumerable<string> ignored, string path)
    {
        using JsonDocument document = JsonText.ParseFile(source);
        using FileStream stream = new(path, FileMode.CreateNew);
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        foreach (JsonProperty entry in document.RootElement.EnumerateObject().Where(entry => !Replaced.Contains(entry.Name)))
        {
            json.WritePropertyName(entry.Name);
            Copy(entry.Value, json);
        }
        json.WriteStartObject(Key);
        WriteGroups(json);
        json.WriteString("format", "float-quantized");
        json.WriteNull("global_compression_ratio");
        json.WriteStartArray("ignore");
        foreach (string module in ignored)
            json.WriteStringValue(module);
        json.WriteEndArray();
        json.WriteNull("kv_cache_scheme");
        json.WriteString("quant_method", "compressed-tensors");
        json.WriteString("quantization_status", "compressed");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteGroups(Utf8JsonWriter json)
    {
        json.WriteStartObject("config_groups");
        json.WriteStartObject("group_0");
        json.WriteStartArray("targets");
        json.WriteStringValue("Linear");
        json.WriteEndArray();
        WriteNumbers(json, "weights", "channel", dynamic: false);
        WriteNumbers(json, "input_activations", "token", dynamic: true);
        json.WriteNull("output_activations");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, string strategy, bool dynamic)
    {
        json.WriteStartObject(name);
        json.WriteNumber("num_bits", 8);
        json.WriteString("type", "float");
        json.WriteBoolean("symmetric", true);
        json.WriteString("strategy", strategy);
        json.WriteBoolean("dynamic", dynamic);
        json.WriteNull("group_size");
        json.WriteNull("block_structure");
        json.WriteNull("actorder");
        json.WriteEndObject();
    }

    // Numbers that only Python's JSON has are copied as such.
    private static void Copy(JsonElement value, Utf8JsonWriter json)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (JsonProperty entry in value.EnumerateObject())
                {
                    json.WritePropertyName(entry.Name);
                    Copy(entry.Value, json);
                }
                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray())
                    Copy(item, json);
                json.WriteEndArray();
                break;
            default:
                json.WriteRawValue(PythonNumbers.NameOf(value) ?? value.GetRawText(), skipInputValidation: true);
                break;
        }
    }
}
