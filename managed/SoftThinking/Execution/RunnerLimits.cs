namespace SoftThinking.Execution;

/// <summary>What a runner is laid out for.</summary>
/// <param name="Rows">Most rows of a step.</param>
/// <param name="Slots">Most sequences that are under way together.</param>
/// <param name="Entries">Places of a concept token.</param>
/// <param name="BlocksPerSequence">Most KV blocks of a sequence.</param>
internal readonly record struct RunnerLimits(int Rows, int Slots, int Entries, int BlocksPerSequence);
