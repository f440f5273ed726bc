using SoftThinking.Checkpoints;
using SoftThinking.Quantization;

namespace SoftThinking;

/// <summary>What became of a checkpoint whose matrices were rounded.</summary>
/// <param name="Files">Names of the files that were written: weights first, then what was copied.</param>
/// <param name="Matrices">Matrices that were rounded.</param>
/// <param name="MatrixElements">Their elements.</param>
/// <param name="BytesBefore">Bytes of all tensors as they were.</param>
/// <param name="BytesAfter">Bytes of all tensors as they are now.</param>
/// <param name="RelativeError">Root mean square of what rounding changed over the root mean square of the elements, over all
/// matrices: 0 would be exact.</param>
public sealed record QuantizationReport(
    IReadOnlyList<string> Files, int Matrices, long MatrixElements, long BytesBefore, long BytesAfter, double RelativeError);

/// <summary>Makes checkpoints with matrices of 8-bit blocks from others: about half the size of bf16, and loaded as
/// <see cref="WeightFormat.Int8"/> would load the original, to the bit.</summary>
public static class ModelQuantization
{
    /// <summary>As Hugging Face splits checkpoints.</summary>
    private const long FileBytes = 5_000_000_000;

    /// <summary>Rounds every matrix that the model multiplies, the embedding and the LM head among them, to blocks of 32
    /// integers of 8 bits with a common scale. All other tensors stay as they are; configuration, tokenizer, chat template
    /// and whatever else lies beside the weights, but weights in other formats, is copied. Weights of more than 5 GB become
    /// several files with an index. Reads and writes piece by piece: memory does not grow with the model.</summary>
    /// <param name="source">A Hugging Face checkpoint: a directory, or a .safetensors file with its config.json next to it.</param>
    /// <param name="destination">Directory for the result, in a directory that exists. All its files appear at the end, or none:
    /// until then they lie in a directory of their own, beside it or, where it exists already, within it.</param>
    /// <param name="overwrite">Whether files of the same names in <paramref name="destination"/> may be replaced; else it must
    /// not exist, or be empty. Other files stay.</param>
    /// <param name="progress">Called on the calling thread with the fraction of the weights written, 0 to 1.</param>
    /// <param name="cancellation">Stops writing; what was written is removed.</param>
    /// <exception cref="ArgumentNullException">Source or destination is null.</exception>
    /// <exception cref="ModelFileException">A file of the source is missing, broken, or of a kind that this engine does not run;
    /// its matrices are 8-bit blocks already; or a weight is not finite.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded.</exception>
    /// <exception cref="ArgumentException">Source and destination are the same directory.</exception>
    /// <exception cref="IOException">The destination is not empty, or a file cannot be written; the message names it.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static QuantizationReport Quantize(
        string source, string destination, bool overwrite = false, Action<double>? progress = null,
        CancellationToken cancellation = default) =>
        Quantize(source, destination, FileBytes, overwrite, progress, cancellation);

    /// <param name="fileBytes">Most bytes of tensors in a file, unless one alone has more.</param>
    internal static QuantizationReport Quantize(
        string source, string destination, long fileBytes, bool overwrite, Action<double>? progress,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        using Checkpoint checkpoint = Checkpoint.Open(source);
        QuantizedLayout layout = QuantizedLayout.Of(checkpoint, fileBytes);
        string[] copied = CompanionFiles.Of(checkpoint.Directory);
        string[] names = [.. layout.FileNames, .. copied];
        using StagedDirectory staged = StagedDirectory.Make(destination, checkpoint.Directory, names, overwrite);
        foreach (string name in copied)
            staged.Write(name, path => File.Copy(Path.Combine(checkpoint.Directory, name), path));
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
}
