using System.Buffers.Binary;
using System.Text.Json;

namespace SoftThinking.Checkpoints;

/// <summary>Writes a safetensors file sequentially: the tensors are declared first, their bytes follow in the same
/// order.</summary>
internal sealed class SafetensorsOutput : IDisposable
{
    private const int LengthBytes = sizeof(ulong);

    /// <summary>Alignment of the data; elements are aligned if the tensors with the widest elements come first.</summary>
    private const int Alignment = 8;

    private readonly FileStream _stream;

    private SafetensorsOutput(FileStream stream) => _stream = stream;

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
        FileStream stream = new(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0, // callers write large chunks
            PreallocationSize = header.Length + tensors.Sum(tensor => tensor.Length),
        });
        try
        {
            stream.Write(header);
            return new SafetensorsOutput(stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Appends bytes of the tensors.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    public void Dispose() => _stream.Dispose();

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
