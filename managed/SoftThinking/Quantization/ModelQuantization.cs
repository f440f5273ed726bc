using SoftThinking.Checkpoints;
using SoftThinking.Quantization;

namespace SoftThinking;

/// <summary>The result of quantizing a checkpoint.</summary>
/// <param name="Files">Names of the files that were written: weights first, then the copied files.</param>
/// <param name="Matrices">Number of matrices that were rounded.</param>
/// <param name="MatrixElements">Total elements of these matrices.</param>
/// <param name="BytesBefore">Bytes of all tensors of the source.</param>
/// <param name="BytesAfter">Bytes of all tensors of the result.</param>
/// <param name="RelativeError">Root mean square of the rounding errors over the root mean square of the elements, over all
/// matrices: 0 would be exact.</param>
public sealed record QuantizationReport(
    IReadOnlyList<string> Files, int Matrices, long MatrixElements, long BytesBefore, long BytesAfter, double RelativeError);

/// <summary>Converts the matrices of a checkpoint to 8 bits: about half the size of bf16. Loading the result yields bit for bit
/// what loading the original with the <see cref="WeightFormat"/> yields.</summary>
public static class ModelQuantization
{
    /// <summary>The maximum file size of Hugging Face checkpoints.</summary>
    private const long FileBytes = 5_000_000_000;

    private const string ConfigFile = "config.json";

    /// <summary>Rounds the matrices of the model. <see cref="WeightFormat.Int8"/>: all but routers of experts, including the embedding and the LM
    /// head, to blocks of 32 8-bit integers with a common scale, a format of this engine. <see cref="WeightFormat.Fp8"/>: the projections of the
    /// layers and their experts to 8-bit floats (e4m3) with a scale for each row, as a compressed-tensors checkpoint (float-quantized) that
    /// other programs read; config.json says so. All other tensors are unchanged. Configuration, tokenizer, chat template and all other files of
    /// the directory are copied, except weights in other formats. Weights of more than 5 GB are split into several files with an index.
    /// Reads and writes chunk by chunk: memory use does not grow with the model.</summary>
    /// <param name="source">A Hugging Face checkpoint: a directory, or a .safetensors file with config.json in the same directory.</param>
    /// <param name="destination">Directory for the result; its parent must exist. Its files appear all together at the end, or not at
    /// all: until then they are in a temporary directory, next to it or, if it already exists, inside it.</param>
    /// <param name="to">Int8 or Fp8.</param>
    /// <param name="overwrite">Whether files of the same names in <paramref name="destination"/> may be replaced; otherwise it must
    /// not exist, or be empty. Other files are kept.</param>
    /// <param name="progress">Called on the calling thread with the fraction of the weights written, 0 to 1.</param>
    /// <param name="cancellation">Stops writing; what was written is removed.</param>
    /// <exception cref="ArgumentNullException">Source or destination is null.</exception>
    /// <exception cref="ModelFileException">A file of the source is missing, broken, or not supported;
    /// its matrices are already quantized; or a weight is not finite.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The format is neither Int8 nor Fp8.</exception>
    /// <exception cref="ArgumentException">Source and destination are the same directory.</exception>
    /// <exception cref="IOException">The destination is not empty, or a file cannot be written; the message names it.</exception>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public static QuantizationReport Quantize(
        string source, string destination, WeightFormat to = WeightFormat.Int8, bool overwrite = false, Action<double>? progress = null,
        CancellationToken cancellation = default) =>
        Quantize(source, destination, to, FileBytes, overwrite, progress, cancellation);

    /// <param name="fileBytes">Maximum bytes of tensors per file, unless a single tensor has more.</param>
    internal static QuantizationReport Quantize(
        string source, string destination, WeightFormat to, long fileBytes, bool overwrite, Action<double>? progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        if (to is not (WeightFormat.Int8 or WeightFormat.Fp8))
            throw new ArgumentOutOfRangeException(nameof(to), to, "must be Int8 or Fp8");
        using Checkpoint checkpoint = Checkpoint.Open(source);
        QuantizedLayout layout = QuantizedLayout.Of(checkpoint, to, fileBytes);
        string[] copied = CompanionFiles.Of(checkpoint.Directory);
        string[] names = [.. layout.FileNames, .. copied];
        using StagedDirectory staged = StagedDirectory.Create(destination, checkpoint.Directory, names, overwrite);
        foreach (string name in copied)
            staged.Write(name, path => Copy(Path.Combine(checkpoint.Directory, name), path, layout));
        QuantizedWriter writer = new(checkpoint, layout, progress, cancellation);
        foreach (WeightFile file in layout.Files)
            staged.Write(file.Name, path => writer.Write(file, path));
        if (layout.NeedsIndex)
            staged.Write(Checkpoint.IndexFile, layout.WriteIndex);
        cancellation.ThrowIfCancellationRequested();
        staged.Commit();
        return new QuantizationReport(
            names,
            layout.Matrices.Count,
            layout.Matrices.Values.Sum(size => (long)size.Rows * size.Cols),
            checkpoint.TotalBytes,
            layout.TotalBytes,
            writer.RelativeError);
    }

    private static void Copy(string source, string path, QuantizedLayout layout)
    {
        if (layout.Format == MatrixFormat.Fp8 && Path.GetFileName(source) == ConfigFile)
            FloatQuantizedConfig.Write(source, layout.Unrounded, path);
        else
            File.Copy(source, path);
    }
}
