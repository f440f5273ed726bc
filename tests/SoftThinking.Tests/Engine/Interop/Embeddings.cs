using System.Runtime.InteropServices;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Interop.Cuda;

namespace SoftThinking.Tests;

/// <summary>Rows of a model's embedding table in the memory of a device, as a caller has them.</summary>
internal sealed class Embeddings : IDisposable
{
    private readonly Checkpoint _checkpoint;
    private readonly Device _device;
    private readonly DeviceStream _stream;
    private readonly List<DeviceMemory> _memory = [];

    public Embeddings(TestDevice on, string model)
    {
        _checkpoint = Checkpoint.Open(model);
        _device = on.Open(NativeDtype.F32);
        _stream = new DeviceStream(_device);
    }

    public int Width => _checkpoint.Config.HiddenSize;

    /// <summary>The rows of ids, as the table's bf16 or as f32.</summary>
    public EmbeddingPart Of(ReadOnlySpan<int> ids, EmbeddingType type = EmbeddingType.Bf16)
    {
        ushort[] halves = new ushort[ids.Length * Width];
        Tensor table = _checkpoint.Get("model.embed_tokens.weight", [_checkpoint.Config.VocabularySize, Width]);
        for (int i = 0; i < ids.Length; i++)
            table.Rows(ids[i], 1).Span(0, Width * sizeof(ushort)).CopyTo(MemoryMarshal.AsBytes(halves.AsSpan(i * Width, Width)));
        nint memory = type == EmbeddingType.Bf16
            ? Upload<ushort>(halves)
            : Upload<float>(Array.ConvertAll(halves, half => BitConverter.UInt32BitsToSingle((uint)half << 16)));
        return new EmbeddingPart(memory, ids.Length, Width, type);
    }

    /// <summary>The rows of an id as f32.</summary>
    public float[] Floats(ReadOnlySpan<int> ids)
    {
        float[] rows = new float[ids.Length * Width];
        EmbeddingPart part = Of(ids, EmbeddingType.F32);
        _stream.Download<float>(part.DevicePointer, rows);
        return rows;
    }

    public void Dispose()
    {
        _memory.ForEach(memory => memory.Dispose());
        _stream.Dispose();
        _device.Dispose();
        _checkpoint.Dispose();
    }

    private unsafe nint Upload<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        DeviceMemory memory = new(_device, values.Length * sizeof(T), host: false);
        _memory.Add(memory);
        _stream.Upload(values, memory.Handle);
        return memory.Handle;
    }
}
