using System.Text.Json;

namespace SoftThinking.Tests;

/// <summary>A copy of a golden checkpoint in which the embedding of one id is NaN.</summary>
internal sealed class PoisonedModel : IDisposable
{
    public PoisonedModel(string model, int id)
    {
        foreach (string file in Directory.EnumerateFiles(Path.Combine(TestData.FindGolden("forward")!, model)))
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)));
        string weights = Path.Combine(Folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        (long offset, int rowBytes) = Locate(bytes, id);
        bytes.AsSpan((int)offset, rowBytes).Fill(0xFF); // NaN in every format
        File.WriteAllBytes(weights, bytes);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("softthinking").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>Where the embedding of an id lies in a file.</summary>
    private static (long Offset, int RowBytes) Locate(byte[] file, int id)
    {
        long header = BitConverter.ToInt64(file, 0);
        using JsonDocument json = JsonDocument.Parse(file.AsMemory(8, (int)header));
        JsonElement tensor = json.RootElement.GetProperty("model.embed_tokens.weight");
        long begin = tensor.GetProperty("data_offsets")[0].GetInt64(), end = tensor.GetProperty("data_offsets")[1].GetInt64();
        int rowBytes = (int)((end - begin) / tensor.GetProperty("shape")[0].GetInt64());
        return (8 + header + begin + (long)id * rowBytes, rowBytes);
    }
}
