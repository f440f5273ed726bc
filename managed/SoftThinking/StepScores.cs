namespace SoftThinking;

/// <summary>Natural logarithms of the probabilities that a model gives ids at the place of a recorded token, before it: p_1 is the softmax of
/// the logits, p_T that at the temperature of the request. There are neither penalties nor filters. A probability of 0 is negative
/// infinity.</summary>
public sealed record StepScores
{
    /// <summary>ln p_1 of each entry of the recorded token.</summary>
    public required IReadOnlyList<float> LogP1 { get; init; }

    /// <summary>ln p_T of each entry.</summary>
    public required IReadOnlyList<float> LogPt { get; init; }

    /// <summary>ln p_1 of the id that was emitted.</summary>
    public required float TokenLogP1 { get; init; }

    /// <summary>ln p_T of the id that was emitted.</summary>
    public required float TokenLogPt { get; init; }

    /// <summary>ln p_1 of the further ids of <see cref="ScoreRequest.Ids"/>.</summary>
    public IReadOnlyList<float> IdsLogP1 { get; init; } = [];

    /// <summary>ln p_T of the further ids.</summary>
    public IReadOnlyList<float> IdsLogPt { get; init; } = [];
}
