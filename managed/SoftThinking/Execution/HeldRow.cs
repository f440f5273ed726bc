using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>A sampled row that outlives its step: until a probe has decided about its token.</summary>
internal sealed class HeldRow(SampledRow row)
{
    private readonly StepInfo _info = row.Info;
    private readonly StepRecord _record = row.Record;
    private readonly int[] _ids = row.Ids.ToArray();
    private readonly float[] _weights = row.Weights.ToArray();
    private readonly int[] _topIds = row.TopIds.ToArray();
    private readonly float[] _topLogProbs = row.TopLogProbs.ToArray();
    private readonly float[] _scores = row.Scores.ToArray();
    private readonly float[] _logP1 = row.LogP1.ToArray();
    private readonly float[] _logPt = row.LogPt.ToArray();
    private readonly float _tokenLogProb = row.TokenLogProb;

    public StepFlags Flags => _info.Flags;

    /// <summary>The row as it was sampled.</summary>
    public SampledRow AsSampled() => new()
    {
        Info = _info,
        Ids = _ids,
        Weights = _weights,
        TokenLogProb = _tokenLogProb,
        TopIds = _topIds,
        TopLogProbs = _topLogProbs,
        Record = _record,
        Scores = _scores,
        LogP1 = _logP1,
        LogPt = _logPt,
    };

    /// <summary>The row with a forced token in place of its own.</summary>
    public SampledRow Replaced(int token, StepFlags flags) => AsSampled() with
    {
        Info = _info with { Flags = flags, Token = token, Count = 1 },
        Ids = new[] { token },
        Weights = new[] { 1f },
        TokenLogProb = _record.ExitLogP1,
        Record = _record with { TokenLogP1 = _record.ExitLogP1, LogProb = 0, Scored = 0 },
        Scores = new float[1],
        LogP1 = new[] { _record.ExitLogP1 },
        LogPt = new[] { _record.ExitLogPt },
    };
}
