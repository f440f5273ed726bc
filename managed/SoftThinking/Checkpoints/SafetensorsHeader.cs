using System.Collections.Immutable;
using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads and checks the JSON header of a safetensors file (format: huggingface/safetensors, README). Nothing
/// in it is trusted: afterwards the tensors tile the data exactly, without gap or overlap.</summary>
internal sealed class SafetensorsHeader
{
    private readonly string _file;
    private readonly long _dataStart;
    private readonly long _dataLength;
    private readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string file, long dataStart, long dataLength)
    {
        _file = file;
        _dataStart = dataStart;
        _dataLength = dataLength;
    }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <summary>The free text in "__metadata__" of the header; empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <param name="file">Path for messages.</param>
    /// <param name="json">The header.</param>
    /// <param name="dataStart">Bytes from the start of the file to the end of the header.</param>
    /// <param name="dataLength">Bytes of the file after the header.</param>
    /// <exception cref="ModelFileException">The header is broken or does not fit the data.</exception>
    public static SafetensorsHeader Parse(string file, ReadOnlyMemory<byte> json, long dataStart, long dataLength)
    {
        SafetensorsHeader header = new(file, dataStart, dataLength);
        if (json.IsEmpty || json.Span[0] != (byte)'{')
            throw header.Refuse("the header does not begin with '{', so this is not a safetensors file");
        try
        {
            using JsonDocument document = JsonText.Parse(json);
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
                header.ReadEntry(entry.Name, entry.Value);
        }
        catch (FormatException e)
        {
            throw header.Refuse($"the header {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            throw header.Refuse("the header is broken: a string is not valid Unicode (half of a surrogate pair)", e);
        }
        header.CheckTiling();
        return header;
    }

    private void ReadEntry(string name, JsonElement value)
    {
        if (name == "__metadata__")
            ReadMetadata(value);
        else
            _tensors.Add(name, ReadTensor(name, value));
    }

    private void ReadMetadata(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return;
        if (value.ValueKind != JsonValueKind.Object)
            throw Refuse("__metadata__ in the header must be an object");
        foreach (JsonProperty entry in value.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
                throw Refuse($"__metadata__ entry {HostileText.Quote(entry.Name)} must be a string");
            _metadata.Add(entry.Name, entry.Value.GetString()!);
        }
    }

    private TensorInfo ReadTensor(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Refuse(name, "its entry in the header must be an object");
        TensorDtype dtype = ReadDtype(name, value);
        ImmutableArray<long> shape = ReadIntegers(name, value, "shape");
        ImmutableArray<long> offsets = ReadIntegers(name, value, "data_offsets");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw Refuse(name, $"data_offsets {Show(offsets)} must be a begin and an end that is not before it");
        if (offsets[1] > _dataLength)
        {
            throw Refuse(name, $"data_offsets {Show(offsets)} reach beyond the {_dataLength} bytes of data "
                + "in the file, which may have been cut short");
        }
        long length = offsets[1] - offsets[0];
        if (BytesOf(name, dtype, shape) is long expected && expected != length)
        {
            throw Refuse(name, $"shape {Show(shape)} of {dtype.FileName()} takes {expected} bytes, "
                + $"data_offsets {Show(offsets)} hold {length}");
        }
        return new TensorInfo(name, dtype, shape, _dataStart + offsets[0], length);
    }

    private TensorDtype ReadDtype(string name, JsonElement value)
    {
        if (!value.TryGetProperty("dtype", out JsonElement element) || element.ValueKind != JsonValueKind.String)
            throw Refuse(name, "dtype is missing or not a string");
        string text = element.GetString()!;
        return TensorDtypes.Find(text) ?? throw Refuse(name, $"unknown dtype {HostileText.Quote(text)}");
    }

    private ImmutableArray<long> ReadIntegers(string name, JsonElement value, string key)
    {
        if (!value.TryGetProperty(key, out JsonElement list) || list.ValueKind != JsonValueKind.Array)
            throw Refuse(name, $"{key} is missing or not a list");
        var numbers = ImmutableArray.CreateBuilder<long>(list.GetArrayLength());
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out long number) || number < 0)
            {
                throw Refuse(name, $"{key} must hold integers from 0 to 2^63-1, "
                    + $"found {JsonText.Show(item)}");
            }
            numbers.Add(number);
        }
        return numbers.MoveToImmutable();
    }

    private long BytesOf(string name, TensorDtype dtype, ImmutableArray<long> shape)
    {
        try
        {
            long bits = dtype.Bits();
            foreach (long dimension in shape)
                bits = checked(bits * dimension);
            return bits % 8 == 0
                ? bits / 8
                : throw Refuse(name, $"shape {Show(shape)} of {dtype.FileName()} is not a whole number of bytes");
        }
        catch (OverflowException)
        {
            throw Refuse(name, $"shape {Show(shape)} is too large for any file");
        }
    }

    /// <summary>The format forbids gaps as well as overlaps: a gap could smuggle a second file, an overlap a second
    /// meaning.</summary>
    private void CheckTiling()
    {
        TensorInfo[] inOrder = [.. _tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.Length)];
        long covered = _dataStart;
        string before = "";
        foreach (TensorInfo tensor in inOrder)
        {
            if (tensor.Offset < covered)
                throw Refuse(tensor.Name, $"its data overlap those of tensor {HostileText.Quote(before)}");
            if (tensor.Offset > covered)
                throw Refuse(tensor.Name, $"the {tensor.Offset - covered} bytes before its data belong to no tensor");
            covered += tensor.Length;
            before = tensor.Name;
        }
        long left = _dataStart + _dataLength - covered;
        if (left > 0)
            throw Refuse($"the last {left} bytes belong to no tensor");
    }

    private ModelFileException Refuse(string tensor, string problem) =>
        Refuse($"tensor {HostileText.Quote(tensor)}: {problem}");

    private ModelFileException Refuse(string problem, Exception? inner = null) => new(_file, problem, inner);

    private static string Show(ImmutableArray<long> numbers) => ShapeText.Of(numbers.AsSpan());
}
