using System.Text.Json;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Quantization;

/// <summary>A safetensors file to be written.</summary>
/// <param name="Tensors">In the order of their bytes.</param>
internal sealed record WeightFile(string Name, IReadOnlyList<TensorInfo> Tensors);

/// <summary>The tensors of a checkpoint whose matrices are 8-bit blocks, and the file of each.</summary>
/// <param name="Matrices">Sizes of the rounded tensors, by name.</param>
/// <param name="Metadata">The free text of every header.</param>
internal sealed record QuantizedLayout(
    IReadOnlyList<WeightFile> Files, IReadOnlyDictionary<string, (int Rows, int Cols)> Matrices,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Names the format of the matrices in the headers.</summary>
    public const string FormatKey = "softthinking.matrices";

    /// <summary>Bytes of all tensors.</summary>
    public long TotalBytes => Files.Sum(file => file.Tensors.Sum(tensor => tensor.Length));

    public bool NeedsIndex => Files.Count > 1;

    public IEnumerable<string> FileNames => Files.Select(file => file.Name).Concat(NeedsIndex ? [Checkpoint.IndexFile] : []);

    /// <param name="fileBytes">Maximum bytes of tensors per file, unless a single tensor has more.</param>
    /// <exception cref="ModelFileException">A tensor is missing, has another shape or type, or is already rounded.</exception>
    public static QuantizedLayout Of(Checkpoint checkpoint, long fileBytes)
    {
        IReadOnlyDictionary<string, (int Rows, int Cols)> matrices = FindMatrices(checkpoint);
        foreach (string name in matrices.Keys)
        {
            if (checkpoint.Stored(name).Dtype == MatrixFormat.Int8.Stored)
                throw checkpoint.Refuse(name, "is already in 8-bit blocks: quantize the original weights");
        }
        IEnumerable<TensorInfo> tensors = checkpoint.Tensors.Select(tensor =>
            matrices.TryGetValue(tensor.Name, out (int Rows, int Cols) size) ? MatrixFormat.Int8.Store(tensor.Name, size.Rows, size.Cols) : tensor);
        Dictionary<string, string> metadata = new(checkpoint.Metadata, StringComparer.Ordinal) { [FormatKey] = MatrixFormat.Int8.Name };
        return new QuantizedLayout(Split(tensors, fileBytes), matrices, metadata);
    }

    /// <summary>Writes the index, which names the file of each tensor.</summary>
    public void WriteIndex(string path)
    {
        using FileStream stream = new(path, FileMode.CreateNew);
        using Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartObject("metadata");
        json.WriteNumber("total_size", TotalBytes);
        json.WriteEndObject();
        json.WriteStartObject("weight_map");
        foreach (WeightFile file in Files)
        {
            foreach (TensorInfo tensor in file.Tensors)
                json.WriteString(tensor.Name, file.Name);
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // Measuring the model also finds every error that loading it would find.
    private static IReadOnlyDictionary<string, (int Rows, int Cols)> FindMatrices(Checkpoint checkpoint)
    {
        using Device device = Device.Open(Backend.Cpu, threads: 1);
        ModelShard all = ModelShard.All(checkpoint.Config);
        ModelWeights.Measure(checkpoint, all, WeightFormat.Int8, device);
        return ModelTensors.Of(all).RoundableMatrices;
    }

    private static WeightFile[] Split(IEnumerable<TensorInfo> tensors, long fileBytes)
    {
        List<List<TensorInfo>> files = [];
        long bytes = 0; // in the last file
        foreach (TensorInfo tensor in tensors)
        {
            if (files.Count == 0 || bytes + tensor.Length > fileBytes)
            {
                files.Add([]);
                bytes = 0;
            }
            files[^1].Add(tensor);
            bytes += tensor.Length;
        }
        return [.. files.Select((file, i) => new WeightFile(NameOf(i, files.Count), Align(file)))];
    }

    // Names as in Hugging Face checkpoints.
    private static string NameOf(int index, int count) =>
        count == 1 ? Checkpoint.SingleFile : FormattableString.Invariant($"model-{index + 1:D5}-of-{count:D5}.safetensors");

    // Widest elements first, so that each is aligned to its size.
    private static TensorInfo[] Align(List<TensorInfo> tensors) => [.. tensors.OrderByDescending(tensor => tensor.Dtype.Bits())];
}
