using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>The results of `bench`.</summary>
/// <param name="Load">Null if random weights were used.</param>
/// <param name="Results">One for each batch size.</param>
/// <param name="Strategies">For each batch size greedy decoding, then each strategy; empty if they were not requested.</param>
/// <param name="Concurrency">Null if it was not requested.</param>
/// <param name="Http">Null if it was not requested.</param>
/// <param name="PrefixReuse">Null if it was not requested.</param>
/// <param name="Profiles">One for each batch size; empty if they were not requested.</param>
/// <param name="FastPrefill">Null if it was not requested.</param>
internal sealed record BenchReport(
    BenchSettings Settings, MachineRates Machine, ModelCost Cost, LoadResult? Load, IReadOnlyList<BenchResult> Results,
    IReadOnlyList<StrategyResult> Strategies, ConcurrencyResult? Concurrency, HttpResult? Http, PrefixResult? PrefixReuse, IReadOnlyList<ProfileResult> Profiles, FastPrefillStatus? FastPrefill)
{
    private readonly Floor _floor = new(Machine, Cost);

    private int Positions => Settings.Context + Settings.Generate / 2; // of a decoding sequence, on average

    /// <summary>Prefill speed as a fraction of the arithmetic bound: 1 is the maximum of the machine.</summary>
    public double PrefillArithmetic(BenchResult result) => _floor.PrefillSeconds(result.Batch, Settings.Prompt) / result.PrefillSeconds;

    /// <summary>Decode speed as a fraction of the bandwidth bound: the median over the repetitions, each relative to the
    /// bandwidth measured just before and after it.</summary>
    public double DecodeBandwidth(BenchResult result) => Median(result.Decodes.Select(run =>
        _floor.BytesPerStep(result.Batch, Positions) / run.ReadBandwidth / run.StepSeconds));

    /// <summary>Decode speed as a fraction of the arithmetic bound.</summary>
    public double DecodeArithmetic(BenchResult result) => _floor.DecodeSeconds(result.Batch, Positions) / result.StepSeconds;

    /// <summary>Speed of an operation as a fraction of its bandwidth or arithmetic bound, whichever is lower.</summary>
    public double OfFloor(OperationProfile operation) => _floor.Seconds(operation) / operation.Seconds;

    /// <summary>The middle value, or the mean of the two middle values.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>The cost of loading the weights and the tokenizer.</summary>
/// <param name="PeakMemoryBytes">Peak resident memory while loading, minus that before; null if the system does not report it. Of
/// the mapped file, only the pages being read count.</param>
/// <param name="WeightBytes">Bytes of the weights in memory, packed.</param>
internal sealed record LoadResult(double Seconds, long? PeakMemoryBytes, long WeightBytes)
{
    /// <summary>The peak relative to the packed weights: 1 would be the weights alone.</summary>
    public double? PeakMemoryRatio => (double?)PeakMemoryBytes / WeightBytes;
}

/// <summary>One repetition of the decode measurement.</summary>
/// <param name="TokensPerSecond">Throughput of all sequences together, while all of them decode.</param>
/// <param name="StepSeconds">Duration of the median engine step.</param>
/// <param name="ReadBandwidth">In bytes per second, the mean of the measurements just before and after.</param>
/// <param name="GreedyStepSeconds">Duration of the median step of greedy decoding, measured right after; null if it was not requested.</param>
internal sealed record DecodeRun(double TokensPerSecond, double StepSeconds, double ReadBandwidth, double? GreedyStepSeconds);

/// <summary>The measurements for one batch size.</summary>
/// <param name="PrefillSeconds">From the submission of all prompts until each has its first token.</param>
/// <param name="TimeToFirstToken">In seconds from the submission, averaged over the sequences.</param>
/// <param name="Decodes">The repetitions of the decode measurement.</param>
/// <param name="MixedFraction">Fraction of the decoded tokens that are mixtures of several entries.</param>
/// <param name="OutputHash">Hash of all ids, weights and entropies.</param>
internal sealed record BenchResult(
    int Batch, double PrefillSeconds, double PrefillTokensPerSecond, double TimeToFirstToken,
    IReadOnlyList<DecodeRun> Decodes, double MixedFraction, long PeakMemoryBytes, string OutputHash)
{
    /// <summary>Throughput of the best repetition.</summary>
    public double DecodeTokensPerSecond => Decodes.Max(run => run.TokensPerSecond);

    /// <summary>Throughput of greedy decoding, from its shortest median step; null if it was not requested.</summary>
    public double? GreedyTokensPerSecond => Batch / Decodes.Min(run => run.GreedyStepSeconds);

    /// <summary>Overhead of a soft-thinking step relative to a greedy one, the median over the repetitions.</summary>
    public double SoftCost => BenchReport.Median(Decodes.Select(run => run.StepSeconds / run.GreedyStepSeconds!.Value - 1));

    /// <summary>Seconds per engine step that decodes one token of each sequence.</summary>
    public double StepSeconds => Batch / DecodeTokensPerSecond;
}

/// <summary>Decoding with a strategy, or greedily.</summary>
/// <param name="TokensPerSecond">Throughput of the best repetition.</param>
/// <param name="GreedyTokensPerSecond">That of greedy decoding.</param>
/// <param name="MixedFraction">Fraction of the tokens that are mixtures of several entries.</param>
internal sealed record StrategyResult(int Batch, string Name, double TokensPerSecond, double GreedyTokensPerSecond, double MixedFraction)
{
    /// <summary>Seconds per engine step.</summary>
    public double StepSeconds => Batch / TokensPerSecond;

    /// <summary>Duration of a step relative to that of greedy decoding.</summary>
    public double GreedyRatio => GreedyTokensPerSecond / TokensPerSecond;
}

/// <summary>The operations of the engine steps that dominate prefill and decode for a batch size.</summary>
internal sealed record ProfileResult(int Batch, StepProfile Prefill, StepProfile Decode);

/// <summary>An engine, and the same engine behind the server, over loopback: medians over the repetitions.</summary>
/// <param name="EngineFirstToken">Seconds from the start of a stream to its first token, on average over the batch.</param>
/// <param name="EngineTokensPerSecond">Of the batch, from the start of the first stream to the last token.</param>
internal sealed record HttpResult(
    int Batch, double EngineFirstToken, double HttpFirstToken, double EngineTokensPerSecond, double HttpTokensPerSecond)
{
    public double FirstTokenRatio => HttpFirstToken / EngineFirstToken;

    public double ThroughputRatio => HttpTokensPerSecond / EngineTokensPerSecond;
}

/// <summary>The same requests run sequentially and concurrently.</summary>
/// <param name="SameOutput">Whether both outputs are identical bit for bit.</param>
internal sealed record ConcurrencyResult(int Requests, double SequentialSeconds, double ConcurrentSeconds, bool SameOutput)
{
    public double Speedup => SequentialSeconds / ConcurrentSeconds;
}

/// <summary>Times to the first token, in seconds, of two prompts with a common prefix.</summary>
/// <param name="SharedTokens">Tokens of the common prefix.</param>
/// <param name="CachedTokens">Tokens of the second prompt that were found in the prefix cache.</param>
internal sealed record PrefixResult(int SharedTokens, int PromptTokens, int CachedTokens, double ColdSeconds, double CachedSeconds)
{
    public double Speedup => ColdSeconds / CachedSeconds;
}
