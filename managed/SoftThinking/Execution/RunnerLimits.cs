namespace SoftThinking.Execution;

/// <summary>The sizes that a runner's buffers are allocated for.</summary>
/// <param name="Rows">Maximum rows of a step.</param>
/// <param name="Slots">Maximum number of concurrent sequences.</param>
/// <param name="Entries">Maximum entries of a concept token.</param>
/// <param name="BlocksPerSequence">Maximum KV blocks of a sequence.</param>
internal readonly record struct RunnerLimits(int Rows, int Slots, int Entries, int BlocksPerSequence);
