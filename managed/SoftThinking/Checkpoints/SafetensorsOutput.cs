using System.Buffers.Binary;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace SoftThinking.Checkpoints;

/// <summary>Writes a safetensors file: the tensors are declared first, their bytes follow, those of each tensor in order.</summary>
internal sealed class SafetensorsOutput : IDisposable
{
    private const int LengthBytes = sizeof(ulong);

    /// <summary>Alignment of the data; elements are aligned if the tensors with the widest elements come first.</summary>
    private const int Alignment = 8;

    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, long> _next = new(StringComparer.Ordinal); // of each tensor, where its next byte is written

    private SafetensorsOutput(SafeFileHandle file, IReadOnlyList<TensorInfo> tensors, long dataStart)
    {
        _file = file;
        foreach (TensorInfo tensor in tensors)
        {
            _next.Add(tensor.Name, dataStart);
            dataStart += tensor.Length;
        }
    }

    /// <summary>Creates the file, preallocated if the file system supports it, and writes its
    /// header.</summary>
    /// <param name="path">Path of the file, which must not exist.</param>
    /// <param name="tensors">Names, formats, shapes and lengths; offsets are ignored, as they follow from these.</param>
    /// <param name="metadata">The free text of the header.</param>
    /// <exception cref="IOException">The file exists, cannot be created, or exceeds the free space.</exception>
    public static SafetensorsOutput Create(
        string path, IReadOnlyList<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        byte[] header = Header(tensors, metadata);
        long length = header.Length + tensors.Sum(tensor => tensor.Length);
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, preallocationSize: length);
        try
        {
            RandomAccess.Write(file, header, 0);
            return new SafetensorsOutput(file, tensors, header.Length);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Appends bytes of a tensor.</summary>
    public void Write(string tensor, ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file, bytes, _next[tensor]);
        _next[tensor] += bytes.Length;
    }

    public void Dispose() => _file.Dispose();

    private static byte[] Header(IReadOnlyList<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using MemoryStream buffer = new();
        buffer.Write(stackalloc byte[LengthBytes]); // the length, filled in below
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            long offset = 0;
            foreach (TensorInfo tensor in tensors)
            {
                WriteTensor(json, tensor, offset);
                offset += tensor.Length;
            }
            json.WriteEndObject();
        }
        while (buffer.Length % Alignment != 0)
            buffer.WriteByte((byte)' ');
        byte[] header = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - LengthBytes);
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject("__metadata__");
        foreach ((string key, string value) in metadata)
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void WriteTensor(Utf8JsonWriter json, TensorInfo tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.Dtype.FileName());
        json.WriteStartArray("shape");
        foreach (long size in tensor.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.Length);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
