using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace SoftThinking.Checkpoints;

/// <summary>Random bf16 weights for benchmarks: the speed of a model does not depend on the values of its
/// weights. All tensors are views of one buffer at different offsets, so that a model of any size needs no more
/// memory here than its largest tensor. Norms are 1, all other elements uniform with a standard deviation of 0.02.</summary>
internal sealed unsafe class RandomTensors : ITensorSource
{
    private const int Bf16Bytes = 2, Places = 4096, Alignment = 64;
    private const ushort One = 0x3F80; // 1.0 as bf16

    private readonly long _ones; // elements at the start of the buffer that are 1
    private readonly long _largest;
    private ushort* _buffer;

    public RandomTensors(string name, ModelConfig config, ulong seed)
    {
        (Name, Config, Origin) = ($"random {name}", config, new ModelOrigin(null, name, seed));
        Generation = new GenerationDefaults { EosIds = Config.EosIds };
        TotalBytes = config.Parameters * Bf16Bytes;
        ModelTensors tensors = ModelTensors.Of(ModelShard.All(config));
        _ones = tensors.StoredVectors.Where(vector => IsNorm(vector.Key)).Max(vector => vector.Value);
        _largest = tensors.StoredMatrices.Values.Max(size => (long)size.Rows * size.Cols);
        long elements = _ones + _largest + Places * Alignment;
        _buffer = (ushort*)NativeMemory.Alloc((nuint)elements, Bf16Bytes);
        for (long i = 0; i < _ones; i++)
            _buffer[i] = One;
        Fill(_buffer + _ones, elements - _ones, seed);
    }

    public string Name { get; }

    public ModelOrigin Origin { get; }

    public ModelConfig Config { get; }

    public GenerationDefaults Generation { get; }

    public long TotalBytes { get; }

    public Tensor Get(string name, ReadOnlySpan<int> shape)
    {
        ObjectDisposedException.ThrowIf(_buffer == null, this);
        ImmutableArray<long>.Builder sizes = ImmutableArray.CreateBuilder<long>(shape.Length);
        long elements = 1;
        foreach (int size in shape)
        {
            sizes.Add(size);
            elements *= size;
        }
        bool norm = IsNorm(name);
        if (elements > (norm ? _ones : _largest))
            throw new ArgumentOutOfRangeException(nameof(shape), $"'{name}' is larger than any tensor of the configuration");
        long place = norm ? 0 : _ones + PlaceOf(name) * Alignment;
        return new Tensor(name, (nint)(_buffer + place), TensorDtype.BF16, sizes.ToImmutable(), elements * Bf16Bytes);
    }

    public StoredMatrix Matrix(string module, int rows, int cols) => new(MatrixFormat.BF16, Get(module + ModelTensors.WeightSuffix, [rows, cols]));

    public ModelFingerprint Fingerprint() => ModelFingerprint.Of(Name, Origin.Seed);

    public void Forget(Tensor tensor)
    {
        // All tensors are views of one buffer.
    }

    public void Dispose()
    {
        NativeMemory.Free(_buffer);
        _buffer = null;
    }

    private static bool IsNorm(string name) => name.EndsWith("norm.weight", StringComparison.Ordinal);

    private static long PlaceOf(string name)
    {
        uint hash = 2166136261; // FNV-1a
        foreach (char c in name)
            hash = (hash ^ c) * 16777619;
        return hash % Places;
    }

    private static void Fill(ushort* values, long count, ulong seed)
    {
        // A uniform distribution over -a .. a has the standard deviation a / sqrt(3).
        const float Scale = 0.02f * 1.7320508f / 32768;
        ulong state = seed;
        for (long i = 0; i < count; i += 4)
        {
            // SplitMix64 (Steele, Lea, Flood 2014).
            ulong mixed = state += 0x9E3779B97F4A7C15;
            mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
            mixed ^= mixed >> 31;
            for (long j = i; j < Math.Min(i + 4, count); j++, mixed >>= 16)
                values[j] = (ushort)(BitConverter.SingleToUInt32Bits((short)mixed * Scale) >> 16);
        }
    }
}
