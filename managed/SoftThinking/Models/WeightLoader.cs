using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Loads a shard's tensors from a source into an arena; while the arena measures, it only checks them.</summary>
/// <param name="ranks">Number of ranks that share the model, for the progress.</param>
internal sealed class WeightLoader(
    ITensorSource source, WeightFormat weights, Device device, DeviceStream? stream, DeviceArena arena, Action<double>? progress,
    CancellationToken cancellation, int ranks = 1)
{
    private const long SliceBytes = 16 << 20; // small compared with a model, large compared with the overhead of a slice

    private readonly List<(MatrixRole, Matrix)> _placed = [];
    private readonly WeightSlices _slices = new(source);
    private double _loadedBytes;

    /// <summary>The matrices so far.</summary>
    public IReadOnlyList<(MatrixRole Role, Matrix Matrix)> Placed => _placed;

    /// <summary>Packs the parts of a matrix as one.</summary>
    public Matrix Matrix(MatrixTensors wanted) => Matrices([wanted]);

    /// <summary>Packs matrices of one size, which follow one another in memory; returns the first.</summary>
    public unsafe Matrix Matrices(IReadOnlyList<MatrixTensors> wanted)
    {
        (int rows, Window cols) = (wanted[0].Rows, wanted[0].Cols);
        MatrixFormat format = FormatOf(source, wanted[0], weights);
        NativeDtype packed = format.Dtype;
        CheckCut(cols, format);
        long bytes = (long)device.Api->MatrixBytes(rows, cols.Count, packed);
        if (bytes == 0)
            throw new BackendException($"the backend '{device.Backend.Name}' does not support matrices of {rows} x {cols.Count} in the format {packed}");
        Matrix first = new() { Data = arena.Reserve(wanted.Count * bytes), Rows = rows, Cols = cols.Count, Dtype = packed };
        for (int i = 0; i < wanted.Count; i++)
        {
            Matrix matrix = first with { Data = first.Data + (nint)(i * bytes) };
            if (i > 0 && FormatOf(source, wanted[i], weights) != format)
                throw source.Refuse(NameOf(wanted[i]), $"has another format than '{NameOf(wanted[0])}'; it must have the same, because both are packed together");
            Fill(matrix, wanted[i], format);
            _placed.Add((wanted[i].Role, matrix));
        }
        return first;
    }

    private void Fill(Matrix matrix, MatrixTensors wanted, MatrixFormat format)
    {
        Window cols = wanted.Cols;
        int first = 0; // row of the next part
        foreach (MatrixPart part in wanted.Parts)
        {
            if (!arena.Measuring)
                Pack(source.Matrix(part.Module, part.Rows.Total, cols.Total), format, part.Rows, matrix, first, wanted.IsInterleaved ? wanted.Parts.Length : 1, cols);
            first += wanted.IsInterleaved ? 1 : part.Rows.Count;
        }
    }

    /// <summary>The format in memory of a matrix. Parts of 8-bit floats and of others are F32 together, which holds both exactly.</summary>
    /// <exception cref="ModelFileException">A part is missing, has another size or format, or one that does not go with that of another.</exception>
    public static MatrixFormat FormatOf(ITensorSource source, MatrixTensors wanted, WeightFormat weights)
    {
        StoredMatrix[] parts = [.. wanted.Parts.Select(part => source.Matrix(part.Module, part.Rows.Total, wanted.Cols.Total))];
        StoredMatrix lead = parts[0], other = parts.FirstOrDefault(part => part.Format != lead.Format, lead);
        if (other.Format == lead.Format)
            return lead.Format.Loaded(weights, wanted.Role);
        if (parts.Any(part => part.Format == MatrixFormat.Fp8) && parts.All(part => part.Format != MatrixFormat.Int8))
            return MatrixFormat.F32.Loaded(weights, wanted.Role);
        throw source.Refuse(other.Weights.Name, $"is {other.Weights.Dtype.FileName()}; "
            + $"it must have the type of '{lead.Weights.Name}', because both are packed into one matrix");
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

    private static string NameOf(MatrixTensors matrix) => matrix.Parts[0].Module + ModelTensors.WeightSuffix;

    // Where matrices have tiles of several widths, ranks are cut at multiples of the widest: a sum has the bits of one device only where those
    // are parts of its own tree.
    private void CheckCut(Window cols, MatrixFormat format)
    {
        long tiles = (cols.Total + format.Tile - 1L) / format.Tile;
        bool begins = Enumerable.Range(0, ranks).Any(rank => Math.Min(tiles * rank / ranks * format.Tile, cols.Total) == cols.First);
        if (!begins)
        {
            throw new ArgumentException($"this model cannot be divided among {ranks} devices, because it has matrices of several formats with "
                + $"{cols.Total} columns, which are cut differently");
        }
    }

    /// <summary>Packs rows slice by slice, so that at most one slice is in memory twice, stored and packed.</summary>
    /// <param name="first">Row of the matrix for the first of them.</param>
    private void Pack(StoredMatrix stored, MatrixFormat format, Window rows, Matrix matrix, int first, int step, Window cols)
    {
        (int row, int storedRow) = (first, rows.First);
        foreach (Tensor slice in stored.Weights.Rows(rows.First, rows.Count).Slices(SliceBytes))
        {
            int count = (int)slice.Shape[0];
            PackSource from = _slices.Convert(stored, slice, storedRow, cols.Total, format);
            stream!.Pack(new()
            {
                FirstRow = row,
                RowStep = step,
                Count = count,
                SourceDtype = from.Dtype,
                SourceCols = cols.Total,
                FirstCol = cols.First,
                W = matrix,
                Source = from.Data,
                Scales = from.Scales,
            });
            storedRow += count;
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
