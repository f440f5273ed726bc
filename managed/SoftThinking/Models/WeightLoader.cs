using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Takes tensors from their source into an arena; while the arena measures, it only checks them.</summary>
internal sealed class WeightLoader(
    ITensorSource source, Device device, DeviceStream? stream, DeviceArena arena, Action<double>? progress)
{
    private long _loadedBytes;

    /// <summary>The matrices "name.weight" [rows, cols], packed below one another.</summary>
    public unsafe Matrix Matrix(int cols, params ReadOnlySpan<(string Name, int Rows)> parts)
    {
        int rows = 0;
        foreach ((_, int count) in parts)
            rows += count;
        NativeDtype dtype = DtypeOf(source.Get(parts[0].Name + ".weight", [parts[0].Rows, cols]));
        Matrix matrix = new()
        {
            Data = arena.Take((long)device.Api->MatrixBytes(rows, cols, dtype)),
            Rows = rows,
            Cols = cols,
            Dtype = dtype,
        };
        int first = 0;
        foreach ((string name, int count) in parts)
        {
            Tensor tensor = source.Get(name + ".weight", [count, cols]);
            if (DtypeOf(tensor) != dtype)
            {
                throw new ModelFileException(source.Name, $"tensor '{tensor.Name}' is {tensor.Dtype.FileName()}; "
                    + $"it must have the type of '{parts[0].Name}.weight', with which it is multiplied");
            }
            if (!arena.Measuring)
                stream!.Pack(matrix, first, count, tensor.Data, dtype);
            first += count;
            Loaded(tensor);
        }
        return matrix;
    }

    /// <summary>Vectors as f32, one after another.</summary>
    public nint Vector(params ReadOnlySpan<(string Name, int Length)> parts)
    {
        int total = 0;
        foreach ((_, int length) in parts)
            total += length;
        nint data = arena.Take<float>(total);
        int first = 0;
        foreach ((string name, int length) in parts)
        {
            Tensor tensor = source.Get(name, [length]);
            if (!arena.Measuring)
                stream!.ConvertToF32(data + first * sizeof(float), tensor.Data, DtypeOf(tensor), length);
            first += length;
            Loaded(tensor);
        }
        return data;
    }

    public nint Doubles(double[] values)
    {
        nint data = arena.Take<double>(values.Length);
        if (!arena.Measuring)
            stream!.Upload<double>(values, data);
        return data;
    }

    private void Loaded(Tensor tensor)
    {
        _loadedBytes += tensor.Bytes;
        if (arena.Measuring)
            return;
        stream!.Synchronize(); // so that progress is true, and nothing is under way when something throws
        progress?.Invoke((double)_loadedBytes / source.TotalBytes);
    }

    private static NativeDtype DtypeOf(Tensor tensor) => tensor.Dtype switch
    {
        TensorDtype.F32 => NativeDtype.F32,
        TensorDtype.F16 => NativeDtype.F16,
        _ => NativeDtype.Bf16, // there are no others
    };
}
