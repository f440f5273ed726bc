using System.Runtime.InteropServices;
using SoftThinking.Checkpoints;

namespace SoftThinking.Records;

/// <summary>A tensor that grows. What was appended at a time stays one array, so that only memory limits its length.</summary>
internal sealed class Column(string name, TensorDtype dtype)
{
    private readonly List<byte[]> _parts = [];

    public string Name => name;

    public TensorInfo Info
    {
        get
        {
            long bytes = _parts.Sum(part => (long)part.Length);
            return new TensorInfo(name, dtype, [bytes * 8 / dtype.Bits()], 0, bytes);
        }
    }

    public void Append<T>(params ReadOnlySpan<T> values) where T : unmanaged => _parts.Add(MemoryMarshal.AsBytes(values).ToArray());

    public void Write(SafetensorsOutput output)
    {
        foreach (byte[] part in _parts)
            output.Write(name, part);
    }
}
