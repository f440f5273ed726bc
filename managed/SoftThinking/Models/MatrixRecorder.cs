using SoftThinking.Checkpoints;

namespace SoftThinking.Models;

/// <summary>Forwards to another source, and records which tensors are read and which of them are matrices.
/// <see cref="ModelWeights"/>, which reads them, thus remains the only place that knows their names.</summary>
internal sealed class MatrixRecorder(ITensorSource source) : ITensorSource
{
    private readonly Lock _lock = new(); // ranks load at the same time
    private readonly Dictionary<string, (int Rows, int Cols)> _matrices = new(StringComparer.Ordinal);

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Sizes of the matrices, by tensor name.</summary>
    public IReadOnlyDictionary<string, (int Rows, int Cols)> Matrices => _matrices;

    /// <summary>Names of all tensors that were read.</summary>
    public IReadOnlySet<string> Names => _names;

    public string Name => source.Name;

    public ModelOrigin Origin => source.Origin;

    public ModelConfig Config => source.Config;

    public GenerationDefaults Generation => source.Generation;

    public long TotalBytes => source.TotalBytes;

    public Tensor Get(string name, ReadOnlySpan<int> shape)
    {
        lock (_lock)
        {
            _names.Add(name);
            if (shape is [int rows, int cols])
                _matrices[name] = (rows, cols);
        }
        return source.Get(name, shape);
    }

    public ModelFingerprint Fingerprint() => source.Fingerprint();

    public void Forget(Tensor tensor) => source.Forget(tensor);

    public void Dispose()
    {
        // The source belongs to the code that opened it.
    }
}
