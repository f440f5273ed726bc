namespace SoftThinking.Checkpoints;

/// <summary>Where the weights of a model come from.</summary>
internal interface ITensorSource : IDisposable
{
    /// <summary>What to call the source in messages.</summary>
    string Name { get; }

    /// <summary>The model's shape and kind.</summary>
    ModelConfig Config { get; }

    /// <summary>How the model's makers would sample from it.</summary>
    GenerationDefaults Generation { get; }

    /// <summary>Bytes of all tensors together.</summary>
    long TotalBytes { get; }

    /// <summary>The tensor of this name, which has the given shape and elements of F32, F16 or BF16, or, if it is a matrix,
    /// <see cref="Int8Blocks"/>. It is valid until the source is disposed.</summary>
    /// <exception cref="ModelFileException">There is no such tensor.</exception>
    Tensor Get(string name, ReadOnlySpan<int> shape);

    /// <summary>A tensor, or rows of one, will not be read soon: the memory may serve others.</summary>
    void Forget(Tensor tensor);
}
