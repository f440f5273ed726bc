namespace SoftThinking;

/// <summary>A snapshot of an engine's load. Once the engine has been drained or disposed, or has failed, nothing waits or runs and no block is in
/// use; the totals stay.</summary>
/// <param name="Waiting">Samples that wait to start, or to be computed again.</param>
/// <param name="Running">Samples in progress.</param>
/// <param name="BlocksUsed">KV blocks in use.</param>
/// <param name="Blocks">KV blocks of the pool.</param>
/// <param name="EngineSteps">Batches launched.</param>
/// <param name="Preemptions">Times that a sample had to release its blocks.</param>
public readonly record struct EngineStatistics(
    int Waiting, int Running, int BlocksUsed, int Blocks, long EngineSteps, long Preemptions);
