using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Loads a shard's tensors from a source into an arena; while the arena measures, it only checks them.</summary>
/// <param name="ranks">Number of ranks that share the model, for the progress.</param>
internal sealed class WeightLoader(
    ITensorSource source, WeightFormat format, Device device, DeviceStream? stream, DeviceArena arena, Action<double>? progress,
    CancellationToken cancellation, int ranks = 1)
{
    private const long SliceBytes = 16 << 20; // small compared with a model, large compared with the overhead of a slice

    private readonly List<(MatrixRole, Matrix)> _placed = [];
    private double _loadedBytes;

    /// <summary>The matrices so far.</summary>
    public IReadOnlyList<(MatrixRole Role, Matrix Matrix)> Placed => _placed;

    /// <summary>Packs the parts of a matrix as one.</summary>
    public Matrix Matrix(MatrixTensors wanted) => Matrices([wanted]);

    /// <summary>Packs matrices of one size, which follow one another in memory; returns the first.</summary>
    public unsafe Matrix Matrices(IReadOnlyList<MatrixTensors> wanted)
    {
        (int rows, Window cols, MatrixPart lead) = (wanted[0].Rows, wanted[0].Cols, wanted[0].Parts[0]);
        MatrixFormat stored = source.Matrix(lead.Module, lead.Rows.Total, cols.Total).Format;
        NativeDtype packed = stored.Loaded(wanted[0].IsRoundable ? format : WeightFormat.Stored).Dtype;
        long bytes = (long)device.Api->MatrixBytes(rows, cols.Count, packed);
        if (bytes == 0)
            throw new BackendException($"the backend '{device.Backend.Name}' does not support matrices of {rows} x {cols.Count} in the format {packed}");
        Matrix first = new() { Data = arena.Reserve(wanted.Count * bytes), Rows = rows, Cols = cols.Count, Dtype = packed };
        for (int i = 0; i < wanted.Count; i++)
        {
            Matrix matrix = first with { Data = first.Data + (nint)(i * bytes) };
            Fill(matrix, wanted[i], stored, lead);
            _placed.Add((wanted[i].Role, matrix));
        }
        return first;
    }

    /// <param name="lead">The part whose format all have.</param>
    private void Fill(Matrix matrix, MatrixTensors wanted, MatrixFormat stored, MatrixPart lead)
    {
        Window cols = wanted.Cols;
        int first = 0; // row of the next part
        foreach (MatrixPart part in wanted.Parts)
        {
            (MatrixFormat found, Tensor tensor) = source.Matrix(part.Module, part.Rows.Total, cols.Total);
            if (found != stored)
            {
                throw new ModelFileException(source.Name, $"tensor '{tensor.Name}' is {tensor.Dtype.FileName()}; "
                    + $"it must have the type of '{lead.Module}{ModelTensors.WeightSuffix}', because both are packed together");
            }
            if (!arena.Measuring)
                Pack(tensor.Rows(part.Rows.First, part.Rows.Count), found, matrix, first, step: wanted.IsInterleaved ? wanted.Parts.Length : 1, cols);
            first += wanted.IsInterleaved ? 1 : part.Rows.Count;
        }
    }

    /// <summary>The parts of a vector as f32, one after another; 0 for null.</summary>
    public nint Vector(VectorTensors? wanted)
    {
        if (wanted == null)
            return 0;
        nint data = arena.Reserve<float>(wanted.Parts.Sum(part => part.Elements.Count));
        int first = 0;
        foreach ((string name, Window elements) in wanted.Parts)
        {
            Tensor tensor = source.Get(name, [elements.Total]);
            if (!arena.Measuring)
            {
                Tensor window = tensor.Rows(elements.First, elements.Count);
                stream!.ConvertToF32(data + first * sizeof(float), window.Data, MatrixFormat.Of(tensor.Dtype).Dtype, elements.Count);
                Loaded(window, 1);
            }
            first += elements.Count;
        }
        return data;
    }

    public nint Doubles(double[] values)
    {
        nint data = arena.Reserve<double>(values.Length);
        if (!arena.Measuring)
            stream!.Upload<double>(values, data);
        return data;
    }

    /// <summary>Packs rows slice by slice, so that at most one slice is in memory twice, stored and packed.</summary>
    /// <param name="first">Row of the matrix for the first of them.</param>
    private void Pack(Tensor rows, MatrixFormat stored, Matrix matrix, int first, int step, Window cols)
    {
        int row = first;
        foreach (Tensor slice in rows.Slices(SliceBytes))
        {
            int count = (int)slice.Shape[0];
            stream!.Pack(new()
            {
                FirstRow = row,
                RowStep = step,
                Count = count,
                SourceDtype = stored.Dtype,
                SourceCols = cols.Total,
                FirstCol = cols.First,
                W = matrix,
                Source = slice.Data,
            });
            row += count * step;
            Loaded(slice, (double)cols.Count / cols.Total);
        }
    }

    /// <param name="share">The part of the tensor's columns that was loaded.</param>
    private void Loaded(Tensor tensor, double share)
    {
        _loadedBytes += tensor.Bytes * share;
        stream!.Synchronize(); // so that progress is accurate, and no work is in flight if something throws
        source.Forget(tensor);
        cancellation.ThrowIfCancellationRequested();
        progress?.Invoke(Math.Min(_loadedBytes * ranks / source.TotalBytes, 1)); // what every rank has counts as shared
    }
}
