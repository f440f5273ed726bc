using System.Text.Json.Nodes;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests;

/// <summary>The demonstration model with heads of zeros added to its three, which change none of its logits: eight heads can be divided among
/// 2, 4 and 8 devices.</summary>
internal static class EightHeads
{
    private const int Heads = 8;

    /// <summary>Writes the checkpoint to a folder, which must exist, and returns it.</summary>
    public static string Write(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(TestData.TinyReasoner).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        string configFile = Path.Combine(folder, "config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(configFile))!;
        config["num_attention_heads"] = Heads;
        File.WriteAllText(configFile, config.ToJsonString());
        using Checkpoint original = Checkpoint.Open(TestData.TinyReasoner);
        int queries = Heads * original.Config.HeadDim;
        (TensorInfo Info, byte[] Bytes)[] tensors = [.. original.Tensors.Select(info => Widen(original, info, queries))];
        using SafetensorsOutput output = SafetensorsOutput.Create(
            Path.Combine(folder, Checkpoint.SingleFile), [.. tensors.Select(tensor => tensor.Info)], original.Metadata);
        foreach ((TensorInfo info, byte[] bytes) in tensors)
            output.Write(info.Name, bytes);
        return folder;
    }

    private static (TensorInfo Info, byte[] Bytes) Widen(Checkpoint original, TensorInfo info, int queries)
    {
        byte[] bytes = original.Stored(info.Name).Span(0, (int)info.Length).ToArray();
        if (info.Name.Contains("q_proj", StringComparison.Ordinal)) // further rows
            return Resized(info with { Shape = info.Shape.SetItem(0, queries) }, rows: 1, bytes);
        if (info.Name.Contains("o_proj.weight", StringComparison.Ordinal)) // further columns
            return Resized(info with { Shape = info.Shape.SetItem(1, queries) }, rows: (int)info.Shape[0], bytes);
        return (info, bytes);
    }

    /// <summary>Appends zeros to each of the rows.</summary>
    private static (TensorInfo Info, byte[] Bytes) Resized(TensorInfo info, int rows, byte[] bytes)
    {
        long elements = info.Shape.Aggregate(1L, (product, size) => product * size);
        byte[] resized = new byte[elements * info.Dtype.Bits() / 8];
        int from = bytes.Length / rows, to = resized.Length / rows;
        for (int row = 0; row < rows; row++)
            bytes.AsSpan(row * from, from).CopyTo(resized.AsSpan(row * to));
        return (info with { Length = resized.Length }, resized);
    }
}
