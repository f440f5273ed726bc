using SoftThinking.Checkpoints;

namespace SoftThinking.Quantization;

/// <summary>Writes the weights of a checkpoint with its matrices rounded, chunk by chunk.</summary>
internal sealed class QuantizedWriter(
    Checkpoint checkpoint, QuantizedLayout layout, Action<double>? progress, CancellationToken cancellation)
{
    private const int ChunkBytes = 16 << 20; // of the source

    private readonly MatrixRounder _rounder = new(layout.Format, cancellation);
    private long _doneBytes;

    /// <summary>Of the matrices written so far, see <see cref="QuantizationReport.RelativeError"/>.</summary>
    public double RelativeError => _rounder.RelativeError;

    /// <exception cref="ModelFileException">A weight is not finite.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(WeightFile file, string path)
    {
        using SafetensorsOutput output = SafetensorsOutput.Create(path, file.Tensors, layout.Metadata);
        // Scales are written with their matrix.
        foreach (TensorInfo info in file.Tensors.Where(info => checkpoint.Has(info.Name)))
        {
            Tensor tensor = checkpoint.Stored(info.Name);
            if (layout.Matrices.TryGetValue(info.Name, out (int Rows, int Cols) size))
                Round(tensor, size.Cols, output);
            else
                Copy(tensor, output);
        }
    }

    private void Round(Tensor matrix, int cols, SafetensorsOutput output)
    {
        foreach (Tensor slice in matrix.Slices(ChunkBytes))
        {
            RoundedRows rounded = _rounder.Round(slice, cols);
            output.Write(matrix.Name, rounded.Weights);
            if (!rounded.Scales.IsEmpty)
                output.Write(QuantizedLayout.ScalesOf(matrix.Name), rounded.Scales);
            Done(slice);
        }
        if (!double.IsFinite(_rounder.RelativeError))
            throw checkpoint.Refuse(matrix.Name, "has an element that is not finite");
    }

    private void Copy(Tensor tensor, SafetensorsOutput output)
    {
        for (long done = 0; done < tensor.Bytes; done += ChunkBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            output.Write(tensor.Name, tensor.Span(done, (int)Math.Min(ChunkBytes, tensor.Bytes - done)));
        }
        Done(tensor);
    }

    private void Done(Tensor tensor)
    {
        checkpoint.Forget(tensor);
        _doneBytes += tensor.Bytes;
        progress?.Invoke((double)_doneBytes / checkpoint.TotalBytes);
    }
}
