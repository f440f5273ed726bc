namespace SoftThinking;

/// <summary>What a model gives a recorded sequence.</summary>
/// <param name="Steps">The scores of each recorded token, in their order.</param>
public sealed record ReplayScores(IReadOnlyList<StepScores> Steps);
