namespace SoftThinking.Cli;

/// <summary>What `bench` found.</summary>
/// <param name="Results">One for each batch size.</param>
/// <param name="Concurrency">Null where it was not asked for.</param>
/// <param name="PrefixReuse">Null where it was not asked for.</param>
/// <param name="FastPrefill">Null where it was not asked for.</param>
internal sealed record BenchReport(
    BenchSettings Settings, MachineRates Machine, ModelCost Cost, IReadOnlyList<BenchResult> Results,
    ConcurrencyResult? Concurrency, PrefixResult? PrefixReuse, FastPrefill? FastPrefill)
{
    private readonly Floor _floor = new(Machine, Cost);

    private int Positions => Settings.Context + Settings.Generate / 2; // of a sequence that decodes, on average

    /// <summary>Fraction of the floor that a prefill reached, by its arithmetic: 1 is what the machine could do at best.</summary>
    public double PrefillArithmetic(BenchResult result) => _floor.PrefillSeconds(result.Batch, Settings.Prompt) / result.PrefillSeconds;

    /// <summary>Fraction of the floor that decoding reached, by the bytes it reads.</summary>
    public double DecodeBandwidth(BenchResult result) => _floor.ReadSeconds(result.Batch, Positions) / result.StepSeconds;

    /// <summary>Fraction of the floor that decoding reached, by its arithmetic.</summary>
    public double DecodeArithmetic(BenchResult result) => _floor.DecodeSeconds(result.Batch, Positions) / result.StepSeconds;
}

/// <summary>What was measured with one batch size.</summary>
/// <param name="PrefillSeconds">From the submission of all prompts until each has its first token.</param>
/// <param name="TimeToFirstToken">In seconds from the submission, averaged over the sequences.</param>
/// <param name="DecodeTokensPerSecond">Of all sequences together, while all of them decode.</param>
/// <param name="GreedyTokensPerSecond">The same with greedy decoding; null where it was not asked for.</param>
/// <param name="MixedFraction">Of the decoded tokens, how many were mixtures of several.</param>
/// <param name="OutputHash">Of all ids, weights and entropies.</param>
internal sealed record BenchResult(
    int Batch, double PrefillSeconds, double PrefillTokensPerSecond, double TimeToFirstToken, double DecodeTokensPerSecond,
    double? GreedyTokensPerSecond, double MixedFraction, long PeakMemoryBytes, string OutputHash)
{
    /// <summary>Of a step that decodes a token of each sequence.</summary>
    public double StepSeconds => Batch / DecodeTokensPerSecond;
}

/// <summary>The same requests one after another, and all at once.</summary>
/// <param name="SameOutput">Whether both gave the same bits.</param>
internal sealed record ConcurrencyResult(int Requests, double OneAfterAnotherSeconds, double ConcurrentSeconds, bool SameOutput)
{
    public double Speedup => OneAfterAnotherSeconds / ConcurrentSeconds;
}

/// <summary>Times to the first token, in seconds, of prompts that begin with the same tokens.</summary>
/// <param name="SharedTokens">Tokens that they share.</param>
/// <param name="CachedTokens">Tokens that need not be computed the second time.</param>
internal sealed record PrefixResult(int SharedTokens, int PromptTokens, int CachedTokens, double ColdSeconds, double CachedSeconds)
{
    public double Speedup => ColdSeconds / CachedSeconds;
}
