using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>Device memory of a tile of scores.</summary>
/// <param name="Temperatures">[rows of a tile]</param>
/// <param name="Counts">[rows of a tile]</param>
/// <param name="Ids">[rows of a tile, width], like the results</param>
internal sealed record ScoreBuffers(nint Temperatures, nint Counts, nint Ids, nint LogP1, nint LogPt)
{
    public static ScoreBuffers Place(DeviceArena arena, RunnerLimits limits) => new(
        Temperatures: arena.Reserve<float>(limits.Slots),
        Counts: arena.Reserve<int>(limits.Slots),
        Ids: arena.Reserve<int>(ScoreStage.Capacity),
        LogP1: arena.Reserve<float>(ScoreStage.Capacity),
        LogPt: arena.Reserve<float>(ScoreStage.Capacity));
}
