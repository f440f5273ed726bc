using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>Composes safetensors files, correct ones and, through
/// <see cref="Compose(string, byte[])"/>, any other.</summary>
internal sealed class SafetensorsWriter
{
    private readonly List<string> _entries = [];
    private readonly List<byte> _data = [];

    public SafetensorsWriter Add(string name, string dtype, long[] shape, byte[] bytes)
    {
        int begin = _data.Count;
        _data.AddRange(bytes);
        _entries.Add(Entry(name, dtype, string.Join(',', shape), begin, _data.Count));
        return this;
    }

    public SafetensorsWriter Add(string name, long[] shape, params float[] values) =>
        Add(name, "F32", shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    public SafetensorsWriter Add(string name, long[] shape, params Half[] values) =>
        Add(name, "F16", shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    public SafetensorsWriter Metadata(string key, string value)
    {
        _entries.Insert(0, $"\"__metadata__\":{{\"{key}\":\"{value}\"}}");
        return this;
    }

    public byte[] ToBytes() => Compose("{" + string.Join(',', _entries) + "}", _data.ToArray());

    /// <summary>One member of a header, with whatever is put into it.</summary>
    public static string Entry(string name, string dtype, string shape, object begin, object end) =>
        $$"""
        "{{name}}":{"dtype":"{{dtype}}","shape":[{{shape}}],"data_offsets":[{{begin}},{{end}}]}
        """;

    /// <summary>Length, header, data.</summary>
    public static byte[] Compose(string header, byte[] data) => Compose(Encoding.UTF8.GetBytes(header), data);

    /// <inheritdoc cref="Compose(string, byte[])"/>
    public static byte[] Compose(byte[] header, byte[] data)
    {
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data];
    }
}
