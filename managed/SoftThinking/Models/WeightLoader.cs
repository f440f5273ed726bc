using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Loads tensors from a source into an arena; while the arena measures, it only checks them.</summary>
internal sealed class WeightLoader(
    ITensorSource source, WeightFormat format, Device device, DeviceStream? stream, DeviceArena arena, Action<double>? progress,
    CancellationToken cancellation)
{
    private const long SliceBytes = 16 << 20; // small compared with a model, large compared with the overhead of a slice

    private long _loadedBytes;

    /// <summary>The matrices "name.weight" [rows, cols], packed as one, stacked.</summary>
    public Matrix Matrix(int cols, params ReadOnlySpan<(string Name, int Rows)> parts)
    {
        Part[] placed = new Part[parts.Length];
        int first = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            placed[i] = new Part(parts[i].Name, parts[i].Rows, first, Step: 1);
            first += parts[i].Rows;
        }
        return Matrix(cols, placed);
    }

    /// <summary>The matrices "name.weight" [rows, cols], packed as one, with their rows interleaved.</summary>
    public Matrix InterleavedMatrix(int cols, int rows, params ReadOnlySpan<string> names)
    {
        Part[] placed = new Part[names.Length];
        for (int i = 0; i < names.Length; i++)
            placed[i] = new Part(names[i], rows, First: i, Step: names.Length);
        return Matrix(cols, placed);
    }

    // Rows of a matrix that come from one tensor.
    private readonly record struct Part(string Name, int Rows, int First, int Step);

    private unsafe Matrix Matrix(int cols, Part[] parts)
    {
        int rows = parts.Sum(part => part.Rows);
        NativeDtype stored = DtypeOf(source.Get(parts[0].Name + ".weight", [parts[0].Rows, cols]));
        NativeDtype packed = format == WeightFormat.Int8 ? NativeDtype.Int8 : stored;
        long bytes = (long)device.Api->MatrixBytes(rows, cols, packed);
        if (bytes == 0)
            throw new BackendException($"the backend '{device.Backend.Name}' does not support matrices of {rows} x {cols} in the format {packed}");
        Matrix matrix = new() { Data = arena.Reserve(bytes), Rows = rows, Cols = cols, Dtype = packed };
        foreach (Part part in parts)
        {
            Tensor tensor = source.Get(part.Name + ".weight", [part.Rows, cols]);
            if (DtypeOf(tensor) != stored)
            {
                throw new ModelFileException(source.Name, $"tensor '{tensor.Name}' is {tensor.Dtype.FileName()}; "
                    + $"it must have the type of '{parts[0].Name}.weight', because both are packed into one matrix");
            }
            if (!arena.Measuring)
                Pack(tensor, matrix, part);
        }
        return matrix;
    }

    /// <summary>Vectors as f32, one after another.</summary>
    public nint Vector(params ReadOnlySpan<(string Name, int Length)> parts)
    {
        int total = 0;
        foreach ((_, int length) in parts)
            total += length;
        nint data = arena.Reserve<float>(total);
        int first = 0;
        foreach ((string name, int length) in parts)
        {
            Tensor tensor = source.Get(name, [length]);
            if (!arena.Measuring)
            {
                stream!.ConvertToF32(data + first * sizeof(float), tensor.Data, DtypeOf(tensor), length);
                Loaded(tensor);
            }
            first += length;
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

    /// <summary>Packs a tensor slice by slice, so that at most one slice is in memory twice, stored and packed.</summary>
    private void Pack(Tensor tensor, in Matrix matrix, Part part)
    {
        int row = part.First;
        foreach (Tensor slice in tensor.Slices(SliceBytes))
        {
            int count = (int)slice.Shape[0];
            stream!.Pack(matrix, row, part.Step, count, slice.Data, DtypeOf(slice));
            row += count * part.Step;
            Loaded(slice);
        }
    }

    private void Loaded(Tensor tensor)
    {
        _loadedBytes += tensor.Bytes;
        stream!.Synchronize(); // so that progress is accurate, and no work is in flight if something throws
        source.Forget(tensor);
        cancellation.ThrowIfCancellationRequested();
        progress?.Invoke((double)_loadedBytes / source.TotalBytes);
    }

    private static NativeDtype DtypeOf(Tensor tensor) => tensor.Dtype switch
    {
        TensorDtype.F32 => NativeDtype.F32,
        TensorDtype.F16 => NativeDtype.F16,
        TensorDtype.U8 => NativeDtype.Int8,
        _ => NativeDtype.Bf16, // there are no others
    };
}
