using System.Text.Json.Nodes;
using SoftThinking.Checkpoints;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Quantization;

/// <summary>Copies of checkpoints with changes.</summary>
internal static class CheckpointCopy
{
    /// <summary>Copies a checkpoint of one file of weights.</summary>
    /// <param name="from">Its directory.</param>
    /// <param name="to">The directory to create.</param>
    /// <param name="tensor">What becomes of each tensor: its format, shape and bytes, or null to leave it out. Null: all are kept.</param>
    /// <param name="added">Adds tensors.</param>
    /// <param name="config">Changes config.json.</param>
    /// <returns><paramref name="to"/></returns>
    public static string Make(
        string from, string to, Func<TensorInfo, byte[], (string Dtype, long[] Shape, byte[] Bytes)?>? tensor = null, Action<SafetensorsWriter>? added = null,
        Action<JsonNode>? config = null)
    {
        Directory.CreateDirectory(to);
        if (File.Exists(Path.Combine(from, "tokenizer.json")))
            File.Copy(Path.Combine(from, "tokenizer.json"), Path.Combine(to, "tokenizer.json"));
        JsonNode settings = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "config.json")))!;
        config?.Invoke(settings);
        File.WriteAllText(Path.Combine(to, "config.json"), settings.ToJsonString());
        using SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(from, "model.safetensors"));
        SafetensorsWriter writer = new();
        foreach (TensorInfo info in weights.Tensors.Values)
        {
            byte[] bytes = weights.Bytes(info.Name).ToArray();
            (string, long[], byte[])? changed = tensor == null ? (info.Dtype.FileName(), [.. info.Shape], bytes) : tensor(info, bytes);
            if (changed is var (dtype, shape, replaced))
                writer.Add(info.Name, dtype, shape, replaced);
        }
        added?.Invoke(writer);
        File.WriteAllBytes(Path.Combine(to, "model.safetensors"), writer.ToBytes());
        return to;
    }
}
