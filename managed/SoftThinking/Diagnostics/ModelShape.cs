using SoftThinking.Checkpoints;

namespace SoftThinking.Diagnostics;

/// <summary>The sizes of a model, without weights: what a benchmark needs of it.</summary>
/// <param name="Name">Name in lower case.</param>
/// <param name="Config">The sizes.</param>
public sealed record ModelShape(string Name, ModelConfig Config)
{
    /// <summary>The shapes of published models, by the values of their config.json.</summary>
    public static IReadOnlyList<ModelShape> Published { get; } = [.. PublishedShapes.All.Select(shape => new ModelShape(shape.Name, shape.Config))];

    /// <summary>Name in lower case.</summary>
    public string Name { get; init; } = OptionRange.NotNull(Name);

    /// <summary>The sizes.</summary>
    public ModelConfig Config { get; init; } = OptionRange.NotNull(Config);

    /// <summary>Elements of all tensors.</summary>
    public long Parameters => Config.Parameters;
}
