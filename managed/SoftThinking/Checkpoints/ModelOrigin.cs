namespace SoftThinking.Checkpoints;

/// <summary>Where another process finds the weights of a model.</summary>
/// <param name="Path">A checkpoint, as it was opened; null for random weights.</param>
/// <param name="Shape">Name of the published model whose sizes random weights have.</param>
/// <param name="Seed">Of random weights.</param>
internal sealed record ModelOrigin(string? Path, string? Shape = null, ulong Seed = 0)
{
    /// <exception cref="ModelFileException">As for <see cref="Checkpoint.Open"/>, or the shape is unknown.</exception>
    public ITensorSource Open()
    {
        if (Path != null)
            return Checkpoint.Open(Path);
        (string name, ModelConfig? config) = PublishedShapes.All.FirstOrDefault(shape => shape.Name == Shape);
        return config != null
            ? new RandomTensors(name, config, Seed)
            : throw new ModelFileException(Shape ?? "", "is not the name of a published shape, which other processes could know");
    }
}
