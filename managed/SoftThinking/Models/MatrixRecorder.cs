using SoftThinking.Checkpoints;

namespace SoftThinking.Models;

/// <summary>Passes on what another source has, and notes the matrices that are asked for. Behind the measuring of a model
/// it tells which tensors the model multiplies: <see cref="ModelWeights"/> stays the only place that knows their names.</summary>
internal sealed class MatrixRecorder(ITensorSource source) : ITensorSource
{
    private readonly Dictionary<string, (int Rows, int Cols)> _matrices = new(StringComparer.Ordinal);

    /// <summary>Sizes by the names of the tensors.</summary>
    public IReadOnlyDictionary<string, (int Rows, int Cols)> Matrices => _matrices;

    public string Name => source.Name;

    public ModelConfig Config => source.Config;

    public GenerationDefaults Generation => source.Generation;

    public long TotalBytes => source.TotalBytes;

    public Tensor Get(string name, ReadOnlySpan<int> shape)
    {
        if (shape is [int rows, int cols])
            _matrices[name] = (rows, cols);
        return source.Get(name, shape);
    }

    public void Forget(Tensor tensor) => source.Forget(tensor);

    public void Dispose()
    {
        // The source belongs to whoever opened it.
    }
}
