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

    private double _loadedBytes;

    /// <summary>Windows of the matrices "name.weight", packed as one, stacked.</summary>
    public Matrix Matrix(Window cols, params ReadOnlySpan<(string Name, Window Rows)> parts)
    {
        Part[] placed = new Part[parts.Length];
        int first = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            placed[i] = new Part(parts[i].Name, parts[i].Rows, first, Step: 1);
            first += parts[i].Rows.Count;
        }
        return Matrix(cols, placed);
    }

    /// <summary>Windows of the matrices "name.weight", packed as one, with their rows interleaved.</summary>
    public Matrix InterleavedMatrix(Window cols, Window rows, params ReadOnlySpan<string> names)
    {
        Part[] placed = new Part[names.Length];
        for (int i = 0; i < names.Length; i++)
            placed[i] = new Part(names[i], rows, First: i, Step: names.Length);
        return Matrix(cols, placed);
    }

    // Rows of a matrix that come from one tensor.
    private readonly record struct Part(string Name, Window Rows, int First, int Step);

    private unsafe Matrix Matrix(Window cols, Part[] parts)
    {
        int rows = parts.Sum(part => part.Rows.Count);
        Tensor first = source.Get(parts[0].Name + ".weight", [parts[0].Rows.Total, cols.Total]);
        NativeDtype stored = DtypeOf(first), packed = FormatOf(first, format);
        long bytes = (long)device.Api->MatrixBytes(rows, cols.Count, packed);
        if (bytes == 0)
            throw new BackendException($"the backend '{device.Backend.Name}' does not support matrices of {rows} x {cols.Count} in the format {packed}");
        Matrix matrix = new() { Data = arena.Reserve(bytes), Rows = rows, Cols = cols.Count, Dtype = packed };
        foreach (Part part in parts)
        {
            Tensor tensor = source.Get(part.Name + ".weight", [part.Rows.Total, cols.Total]);
            if (DtypeOf(tensor) != stored)
            {
                throw new ModelFileException(source.Name, $"tensor '{tensor.Name}' is {tensor.Dtype.FileName()}; "
                    + $"it must have the type of '{parts[0].Name}.weight', because both are packed into one matrix");
            }
            if (!arena.Measuring)
                Pack(tensor, matrix, part, cols);
        }
        return matrix;
    }

    /// <summary>Windows of vectors as f32, one after another.</summary>
    public nint Vector(params ReadOnlySpan<(string Name, Window Elements)> parts)
    {
        int total = 0;
        foreach ((_, Window elements) in parts)
            total += elements.Count;
        nint data = arena.Reserve<float>(total);
        int first = 0;
        foreach ((string name, Window elements) in parts)
        {
            Tensor tensor = source.Get(name, [elements.Total]);
            if (!arena.Measuring)
            {
                Tensor window = tensor.Rows(elements.First, elements.Count);
                stream!.ConvertToF32(data + first * sizeof(float), window.Data, DtypeOf(tensor), elements.Count);
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

    /// <summary>Packs a window of a tensor slice by slice, so that at most one slice is in memory twice, stored and packed.</summary>
    private void Pack(Tensor tensor, Matrix matrix, Part part, Window cols)
    {
        int row = part.First;
        foreach (Tensor slice in tensor.Rows(part.Rows.First, part.Rows.Count).Slices(SliceBytes))
        {
            int count = (int)slice.Shape[0];
            stream!.Pack(new()
            {
                FirstRow = row,
                RowStep = part.Step,
                Count = count,
                SourceDtype = DtypeOf(slice),
                SourceCols = cols.Total,
                FirstCol = cols.First,
                W = matrix,
                Source = slice.Data,
            });
            row += count * part.Step;
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

    /// <summary>Number format of a matrix once it is packed.</summary>
    public static NativeDtype FormatOf(Tensor stored, WeightFormat format) => format == WeightFormat.Int8 ? NativeDtype.Int8 : DtypeOf(stored);

    private static NativeDtype DtypeOf(Tensor tensor) => tensor.Dtype switch
    {
        TensorDtype.F32 => NativeDtype.F32,
        TensorDtype.F16 => NativeDtype.F16,
        TensorDtype.U8 => NativeDtype.Int8,
        _ => NativeDtype.Bf16, // there are no others
    };
}
