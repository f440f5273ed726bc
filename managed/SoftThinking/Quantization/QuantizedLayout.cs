using System.Text.Json;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Quantization;

/// <summary>A safetensors file to be written.</summary>
/// <param name="Tensors">In the order of their bytes.</param>
internal sealed record WeightFile(string Name, IReadOnlyList<TensorInfo> Tensors);

/// <summary>The tensors of a checkpoint whose matrices are rounded, and the file of each.</summary>
/// <param name="Format">Of the rounded matrices.</param>
/// <param name="Matrices">Sizes of the rounded tensors, by name.</param>
/// <param name="Metadata">The free text of every header.</param>
/// <param name="Unrounded">Modules of the matrices that are multiplied and not rounded.</param>
internal sealed record QuantizedLayout(
    MatrixFormat Format, IReadOnlyList<WeightFile> Files, IReadOnlyDictionary<string, (int Rows, int Cols)> Matrices,
    IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<string> Unrounded)
{
    /// <summary>Names the format of 8-bit blocks in the headers, which other programs do not know.</summary>
    public const string FormatKey = "softthinking.matrices";

    /// <summary>Bytes of all tensors.</summary>
    public long TotalBytes => Files.Sum(file => file.Tensors.Sum(tensor => tensor.Length));

    public bool NeedsIndex => Files.Count > 1;

    public IEnumerable<string> FileNames => Files.Select(file => file.Name).Concat(NeedsIndex ? [Checkpoint.IndexFile] : []);

    /// <param name="to">Int8 or Fp8.</param>
    /// <param name="fileBytes">Maximum bytes of tensors per file, unless a single matrix has more.</param>
    /// <exception cref="ModelFileException">A tensor is missing, has another shape or type, or is already rounded.</exception>
    public static QuantizedLayout Of(Checkpoint checkpoint, WeightFormat to, long fileBytes)
    {
        ModelTensors model = MeasuredTensors(checkpoint, to);
        foreach (string name in model.StoredMatrices.Keys)
            RefuseRounded(checkpoint, name);
        MatrixFormat format = to == WeightFormat.Fp8 ? MatrixFormat.Fp8 : MatrixFormat.Int8;
        IReadOnlyDictionary<string, (int Rows, int Cols)> matrices = model.RoundedMatrices(to);
        IEnumerable<TensorInfo[]> groups = checkpoint.Tensors.Select(tensor =>
            matrices.TryGetValue(tensor.Name, out (int Rows, int Cols) size) ? Rounded(format, tensor.Name, size.Rows, size.Cols) : [tensor]);
        // An LM head that is the embedding is excluded too, as other programs have a module for it.
        IEnumerable<string> unrounded = model.MultipliedMatrices.Except(matrices.Keys).Select(name => name[..^ModelTensors.WeightSuffix.Length]).Append("lm_head");
        return new QuantizedLayout(format, Split(groups, fileBytes), matrices, MetadataOf(checkpoint, format), [.. unrounded.Distinct()]);
    }

    /// <summary>Name of the scales of a rounded matrix.</summary>
    public static string ScalesOf(string weight) => weight[..^ModelTensors.WeightSuffix.Length] + ScaleGrid.CompressedSuffix;

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

    // Measuring the model finds every error that loading it would find.
    private static ModelTensors MeasuredTensors(Checkpoint checkpoint, WeightFormat to)
    {
        using Device device = Device.Open(Backend.Cpu, threads: 1);
        ModelShard all = ModelShard.All(checkpoint.Config);
        ModelWeights.Measure(checkpoint, all, to, device);
        return ModelTensors.Of(all);
    }

    private static void RefuseRounded(Checkpoint checkpoint, string name)
    {
        TensorDtype dtype = checkpoint.Stored(name).Dtype;
        string? found = dtype == MatrixFormat.Int8.Stored ? "8-bit blocks" : dtype == MatrixFormat.Fp8.Stored ? "8-bit floats" : null;
        if (found != null)
            throw checkpoint.Refuse(name, $"is already in {found}: quantize the original weights");
    }

    // Some readers require this entry; it says that tensors have the layout of PyTorch.
    private static Dictionary<string, string> MetadataOf(Checkpoint checkpoint, MatrixFormat format)
    {
        Dictionary<string, string> metadata = new(checkpoint.Metadata, StringComparer.Ordinal);
        if (format == MatrixFormat.Int8)
            metadata[FormatKey] = format.Name;
        else
            metadata.TryAdd("format", "pt");
        return metadata;
    }

    private static TensorInfo[] Rounded(MatrixFormat format, string name, int rows, int cols)
    {
        TensorInfo weight = format.Store(name, rows, cols);
        return format == MatrixFormat.Fp8 ? [weight, Fp8Rows.StoreScales(ScalesOf(name), rows)] : [weight];
    }

    /// <param name="groups">Tensors; those of a group are in the same file.</param>
    private static WeightFile[] Split(IEnumerable<TensorInfo[]> groups, long fileBytes)
    {
        List<List<TensorInfo>> files = [];
        long bytes = 0; // in the last file
        foreach (TensorInfo[] group in groups)
        {
            long length = group.Sum(tensor => tensor.Length);
            if (files.Count == 0 || bytes + length > fileBytes)
            {
                files.Add([]);
                bytes = 0;
            }
            files[^1].AddRange(group);
            bytes += length;
        }
        return [.. files.Select((file, i) => new WeightFile(NameOf(i, files.Count), Align(file)))];
    }

    // Names as in Hugging Face checkpoints.
    private static string NameOf(int index, int count) =>
        count == 1 ? Checkpoint.SingleFile : FormattableString.Invariant($"model-{index + 1:D5}-of-{count:D5}.safetensors");

    // Widest elements first, so that each is aligned to its size.
    private static TensorInfo[] Align(List<TensorInfo> tensors) => [.. tensors.OrderByDescending(tensor => tensor.Dtype.Bits())];
}
