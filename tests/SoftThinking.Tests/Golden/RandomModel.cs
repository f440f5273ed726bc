using System.Runtime.InteropServices;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>A model of random weights in one number format, as an engine reads it and in f64.</summary>
internal sealed unsafe class RandomModel(ModelConfig config, TensorDtype dtype, int seed) : ITensorSource
{
    private readonly Lock _lock = new(); // ranks load at the same time
    private readonly Dictionary<string, (nint Data, long Bytes, double[] Values)> _tensors = [];

    public string Name => "random";

    public ModelOrigin Origin => new(null, Name, (ulong)seed);

    public ModelConfig Config => config;

    public GenerationDefaults Generation => new() { EosIds = [] };

    public long TotalBytes => config.Parameters * 2;

    public Tensor Get(string name, ReadOnlySpan<int> shape)
    {
        (nint data, long bytes, _) = Find(name, shape);
        return new Tensor(name, data, dtype, [.. shape.ToArray().Select(size => (long)size)], bytes);
    }

    public StoredMatrix Matrix(string module, int rows, int cols) => new(MatrixFormat.Of(dtype), Get(module + ModelTensors.WeightSuffix, [rows, cols]));

    /// <summary>The numbers of a tensor.</summary>
    public double[] Values(string name, params ReadOnlySpan<int> shape) => Find(name, shape).Values;

    public ModelFingerprint Fingerprint() => ModelFingerprint.Of(Name, Origin.Seed);

    public void Forget(Tensor tensor)
    {
        // All tensors stay in memory.
    }

    public void Dispose()
    {
        foreach ((nint data, _, _) in _tensors.Values)
            NativeMemory.Free((void*)data);
        _tensors.Clear();
    }

    private (nint Data, long Bytes, double[] Values) Find(string name, ReadOnlySpan<int> shape)
    {
        lock (_lock)
        {
            if (!_tensors.TryGetValue(name, out (nint Data, long Bytes, double[] Values) tensor))
                _tensors[name] = tensor = Make(name, shape);
            return tensor;
        }
    }

    /// <summary>Norms around 1; matrices such that a product keeps the size of its input.</summary>
    private (nint Data, long Bytes, double[] Values) Make(string name, ReadOnlySpan<int> shape)
    {
        int count = 1;
        foreach (int size in shape)
            count *= size;
        Random random = new(HashCode(name) ^ seed);
        double center = name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0, spread = shape.Length == 1 ? 0.3 : Math.Sqrt(3.0 / shape[^1]);
        int width = dtype == TensorDtype.F32 ? 4 : 2;
        byte[] stored = new byte[count * width];
        for (int i = 0; i < count; i++)
            Store((float)(center + spread * (2 * random.NextDouble() - 1)), stored.AsSpan(i * width, width));
        float[] values = new float[count];
        StoredNumbers.Widen(stored, dtype, values);
        void* data = NativeMemory.Alloc((nuint)stored.Length);
        stored.CopyTo(new Span<byte>(data, stored.Length));
        return ((nint)data, stored.Length, [.. values.Select(value => (double)value)]);
    }

    private void Store(float value, Span<byte> place)
    {
        switch (dtype)
        {
            case TensorDtype.F32:
                MemoryMarshal.Write(place, value);
                break;
            case TensorDtype.F16:
                MemoryMarshal.Write(place, (Half)value);
                break;
            default:
                MemoryMarshal.Write(place, (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                break;
        }
    }

    /// <summary>The same in every process, as that of strings is not.</summary>
    private static int HashCode(string name) => name.Aggregate(17, (hash, c) => hash * 31 + c);
}
