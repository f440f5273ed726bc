using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Where the weights of a model come from.</summary>
internal interface ITensorSource : IDisposable
{
    /// <summary>Name of the source, for messages.</summary>
    string Name { get; }

    /// <summary>How another process opens the same.</summary>
    ModelOrigin Origin { get; }

    /// <summary>By which another process recognizes the same.</summary>
    ModelFingerprint Fingerprint();

    /// <summary>The model's architecture and sizes.</summary>
    ModelConfig Config { get; }

    /// <summary>The sampling settings that the model's publisher recommends.</summary>
    GenerationDefaults Generation { get; }

    /// <summary>Total bytes of all tensors.</summary>
    long TotalBytes { get; }

    /// <summary>The tensor of this name, with the given shape and elements of F32, F16 or BF16. Valid until the source is
    /// disposed.</summary>
    /// <exception cref="ModelFileException">The tensor does not exist, or has another shape or number format.</exception>
    Tensor Get(string name, ReadOnlySpan<int> shape);

    /// <summary>The matrix of this size, in any <see cref="MatrixFormat"/>. Valid until the source is disposed.</summary>
    /// <param name="module">Its name without ".weight".</param>
    /// <exception cref="ModelFileException">The matrix does not exist, or has another size or format.</exception>
    StoredMatrix Matrix(string module, int rows, int cols);

    /// <summary>Creates the error for an unusable tensor.</summary>
    ModelFileException Refuse(string tensor, string problem) => new(Name, $"tensor {HostileText.Quote(tensor)} {problem}");

    /// <summary>Releases the resident pages of a tensor, or of rows of one, that will not be read again soon.</summary>
    void Forget(Tensor tensor);
}
