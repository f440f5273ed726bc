using System.Text.Json;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>What each rank reports to all others while a model is loaded.</summary>
/// <param name="Error">Why the rank cannot go on; null if it can.</param>
/// <param name="Version">Of the program.</param>
/// <param name="Backend">Name of the backend that the rank computes with.</param>
/// <param name="Blocks">KV blocks that the rank has memory for.</param>
internal sealed record RankReport(string? Error, string Version = "", string Backend = "", ModelFingerprint? Model = null, int Blocks = 0)
{
    private const int Bytes = 2048, MostOfError = 500;

    /// <summary>Exchanges the reports of all ranks.</summary>
    /// <exception cref="BackendException">A rank did not answer.</exception>
    public static RankReport[] Exchange(MpiWorld world, RankReport own, TimeSpan limit)
    {
        if (own.Error?.Length > MostOfError)
            own = own with { Error = own.Error[..MostOfError] };
        byte[] sent = new byte[Bytes], received = new byte[Bytes * world.Ranks];
        sent.AsSpan().Fill((byte)' '); // which JSON ignores
        JsonSerializer.SerializeToUtf8Bytes(own, RankJson.Default.RankReport).CopyTo(sent, 0);
        world.AllGather(sent, received, limit);
        return [.. Enumerable.Range(0, world.Ranks).Select(r =>
            JsonSerializer.Deserialize(received.AsSpan(r * Bytes, Bytes), RankJson.Default.RankReport)!)];
    }

    /// <summary>The first rank that failed or differs from rank 0, and why; null if all can go on. All ranks find the same.</summary>
    public static string? Problem(RankReport[] reports)
    {
        for (int r = 0; r < reports.Length; r++)
        {
            if (Problem(reports[r], reports[0]) is string problem)
                return $"rank {r} {problem}";
        }
        return null;
    }

    private static string? Problem(RankReport rank, RankReport first) =>
        rank.Error != null ? $"failed: {rank.Error}"
        : rank.Version != first.Version ? $"runs version {rank.Version}, rank 0 version {first.Version}"
        : rank.Backend != first.Backend ? $"computes with the backend '{rank.Backend}', rank 0 with '{first.Backend}'"
        : rank.Model?.Difference(first.Model!) is string difference ? $"has another model than rank 0: {difference}"
        : null;
}
