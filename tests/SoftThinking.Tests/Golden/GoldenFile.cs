using System.Runtime.InteropServices;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>A safetensors file of expected values.</summary>
internal sealed class GoldenFile : IDisposable
{
    private readonly SafetensorsFile _file;

    public GoldenFile(string path) => _file = SafetensorsFile.Open(path);

    public IReadOnlyDictionary<string, string> Metadata => _file.Metadata;

    public bool Has(string name) => _file.Tensors.ContainsKey(name);

    public T[] Read<T>(string name) where T : unmanaged => [.. MemoryMarshal.Cast<byte, T>(_file.Bytes(name))];

    /// <summary>Length of the last dimension.</summary>
    public int Columns(string name) => (int)_file.Tensors[name].Shape[^1];

    public void Dispose() => _file.Dispose();
}
