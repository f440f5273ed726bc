using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>The result of one sampled row.</summary>
internal readonly ref struct SampledRow
{
    /// <param name="row">Of the outputs.</param>
    /// <param name="entries">Places of a concept token.</param>
    public SampledRow(OutputArrays outputs, int row, int entries)
    {
        long first = (long)row * entries, firstTop = (long)row * LogProbsOperation.MaxCount;
        Info = outputs.Info[row];
        Ids = outputs.Ids.Slice(first, Info.Count);
        Weights = outputs.Weights.Slice(first, Info.Count);
        TokenLogProb = outputs.TokenLogProbs[row];
        TopIds = outputs.TopIds.Slice(firstTop, LogProbsOperation.MaxCount);
        TopLogProbs = outputs.TopLogProbs.Slice(firstTop, LogProbsOperation.MaxCount);
        Record = outputs.Records[row];
        Scores = outputs.Scores.Slice(first, Info.Count);
        LogP1 = outputs.LogP1.Slice(first, Info.Count);
        LogPt = outputs.LogPt.Slice(first, Info.Count);
    }

    public StepInfo Info { get; init; }

    public ReadOnlySpan<int> Ids { get; init; }

    public ReadOnlySpan<float> Weights { get; init; }

    /// <summary>That of the emitted id, if log-probabilities were requested, like <see cref="TopIds"/>.</summary>
    public float TokenLogProb { get; init; }

    /// <summary>The most likely ids.</summary>
    public ReadOnlySpan<int> TopIds { get; init; }

    public ReadOnlySpan<float> TopLogProbs { get; init; }

    /// <summary>Statistics of the row, if its steps are recorded, like what follows.</summary>
    public StepRecord Record { get; init; }

    /// <summary>Of the entries, if the strategy scores them.</summary>
    public ReadOnlySpan<float> Scores { get; init; }

    /// <summary>ln p_1 of the entries.</summary>
    public ReadOnlySpan<float> LogP1 { get; init; }

    /// <summary>ln p_T of the entries.</summary>
    public ReadOnlySpan<float> LogPt { get; init; }

    /// <summary>The emitted id.</summary>
    public int Token => Info.Token;

    public StepFlags Flags => Info.Flags;

    public float Entropy => Info.Entropy;
}
