using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>What `bench` found.</summary>
/// <param name="Load">Null where random weights were made instead.</param>
/// <param name="Results">One for each batch size.</param>
/// <param name="Concurrency">Null where it was not asked for.</param>
/// <param name="PrefixReuse">Null where it was not asked for.</param>
/// <param name="Profiles">Of each batch size, where they were asked for.</param>
/// <param name="FastPrefill">Null where it was not asked for.</param>
internal sealed record BenchReport(
    BenchSettings Settings, MachineRates Machine, ModelCost Cost, LoadResult? Load, IReadOnlyList<BenchResult> Results,
    ConcurrencyResult? Concurrency, PrefixResult? PrefixReuse, IReadOnlyList<ProfileResult> Profiles, FastPrefillStatus? FastPrefill)
{
    private readonly Floor _floor = new(Machine, Cost);

    private int Positions => Settings.Context + Settings.Generate / 2; // of a sequence that decodes, on average

    /// <summary>Fraction of the floor that a prefill reached, by its arithmetic: 1 is what the machine could do at best.</summary>
    public double PrefillArithmetic(BenchResult result) => _floor.PrefillSeconds(result.Batch, Settings.Prompt) / result.PrefillSeconds;

    /// <summary>Fraction of the floor that decoding reached, by the bytes it reads: the median over the repeats, each against
    /// what the machine read just before and after it.</summary>
    public double DecodeBandwidth(BenchResult result) => Median(result.Decodes.Select(run =>
        _floor.BytesPerStep(result.Batch, Positions) / run.ReadBandwidth / run.StepSeconds));

    /// <summary>Fraction of the floor that decoding reached, by its arithmetic.</summary>
    public double DecodeArithmetic(BenchResult result) => _floor.DecodeSeconds(result.Batch, Positions) / result.StepSeconds;

    /// <summary>Fraction of its floor that an operation reached, by its bytes or its arithmetic, whichever takes longer.</summary>
    public double OfFloor(OperationProfile operation) => _floor.Seconds(operation) / operation.Seconds;

    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>What loading took: the weights, and the tokenizer with them.</summary>
/// <param name="PeakMemoryBytes">The most memory that was resident meanwhile, beyond what was before; null where the system
/// cannot tell. Of the file only what was being read counts.</param>
/// <param name="WeightBytes">Bytes of the weights in memory, packed.</param>
internal sealed record LoadResult(double Seconds, long? PeakMemoryBytes, long WeightBytes)
{
    /// <summary>The peak in sizes of the packed weights: 1 would be nothing but them.</summary>
    public double? PeakMemoryRatio => (double?)PeakMemoryBytes / WeightBytes;
}

/// <summary>One of several measurements of decoding, with what belongs to it.</summary>
/// <param name="TokensPerSecond">Of all sequences together, while all of them decode.</param>
/// <param name="StepSeconds">The median step.</param>
/// <param name="ReadBandwidth">In bytes per second, the mean of just before and just after.</param>
/// <param name="GreedyStepSeconds">The median step of greedy decoding right behind it; null where that was not asked for.</param>
internal sealed record DecodeRun(double TokensPerSecond, double StepSeconds, double ReadBandwidth, double? GreedyStepSeconds);

/// <summary>What was measured with one batch size.</summary>
/// <param name="PrefillSeconds">From the submission of all prompts until each has its first token.</param>
/// <param name="TimeToFirstToken">In seconds from the submission, averaged over the sequences.</param>
/// <param name="Decodes">Each repeat.</param>
/// <param name="MixedFraction">Of the decoded tokens, how many were mixtures of several.</param>
/// <param name="OutputHash">Of all ids, weights and entropies.</param>
internal sealed record BenchResult(
    int Batch, double PrefillSeconds, double PrefillTokensPerSecond, double TimeToFirstToken,
    IReadOnlyList<DecodeRun> Decodes, double MixedFraction, long PeakMemoryBytes, string OutputHash)
{
    /// <summary>The best.</summary>
    public double DecodeTokensPerSecond => Decodes.Max(run => run.TokensPerSecond);

    /// <summary>By the shortest step of greedy decoding; null where it was not asked for.</summary>
    public double? GreedyTokensPerSecond => Batch / Decodes.Min(run => run.GreedyStepSeconds);

    /// <summary>By how much a step of soft thinking takes longer than a greedy one, the median over the repeats.</summary>
    public double SoftCost => BenchReport.Median(Decodes.Select(run => run.StepSeconds / run.GreedyStepSeconds!.Value - 1));

    /// <summary>Of a step that decodes a token of each sequence.</summary>
    public double StepSeconds => Batch / DecodeTokensPerSecond;
}

/// <summary>The operations of the most frequent steps of a batch size.</summary>
internal sealed record ProfileResult(int Batch, StepProfile Prefill, StepProfile Decode);

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
