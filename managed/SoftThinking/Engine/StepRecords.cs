using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Thinking;

namespace SoftThinking;

/// <summary>The records of a sample's tokens, in flat arrays. The engine's thread appends; other threads may read the tokens that were
/// published after it.</summary>
internal sealed class StepRecords
{
    private StepRecord[] _steps = new StepRecord[64];
    private int[] _ends = new int[64]; // of each token in the arrays of entries
    private float[] _scores = new float[256];
    private float[] _logP1 = new float[256];
    private float[] _logPt = new float[256];
    private int _count;

    public void Append(SampledRow row) => Append(row.Record, row.Scores, row.LogP1, row.LogPt);

    public void Append(in StepRecord step, ReadOnlySpan<float> scores, ReadOnlySpan<float> logP1, ReadOnlySpan<float> logPt)
    {
        int first = StartOf(_count), end = first + logP1.Length;
        Reserve(end);
        scores.CopyTo(_scores.AsSpan(first));
        logP1.CopyTo(_logP1.AsSpan(first));
        logPt.CopyTo(_logPt.AsSpan(first));
        (_steps[_count], _ends[_count]) = (step, end);
        _count++;
    }

    /// <summary>The record of a token.</summary>
    /// <param name="hard">Whether the mode is hard, this token included.</param>
    public TokenRecord At(int token, StepFlags flags, bool hard)
    {
        StepRecord step = _steps[token];
        Range entries = StartOf(token).._ends[token];
        return new TokenRecord
        {
            Entropy = step.Entropy,
            Entropy1 = step.Entropy1,
            PMax = step.PMax,
            PMax1 = step.PMax1,
            LogSumExp = step.Lse,
            LogSumExp1 = step.Lse1,
            Confidence = step.Confidence,
            EntropyTop20 = step.EntropyTop20,
            EntropyKept = step.EntropyKept,
            TokenLogP1 = step.TokenLogP1,
            LogProb = step.LogProb,
            LogP1 = _logP1[entries],
            LogPt = _logPt[entries],
            Scores = step.Scored != 0 ? _scores[entries] : [],
            Mixed = (flags & StepFlags.Mixed) != 0,
            Forced = (flags & StepFlags.Forced) != 0,
            Stop = (flags & MarkerTracker.Stops) != 0 ? MarkerTracker.EndOf(flags) : null,
            Hard = hard,
            Switched = (flags & (StepFlags.ToHard | StepFlags.ToSoft)) != 0,
        };
    }

    /// <summary>The confidences of all tokens.</summary>
    public IEnumerable<float> Confidences => _steps.Take(_count).Select(step => step.Confidence);

    private int StartOf(int token) => token == 0 ? 0 : _ends[token - 1];

    private void Reserve(int entries)
    {
        // Concurrent readers keep the old arrays, which hold all that they may read.
        if (entries > _logP1.Length)
        {
            int capacity = Math.Max(entries, 2 * _logP1.Length);
            Array.Resize(ref _scores, capacity);
            Array.Resize(ref _logP1, capacity);
            Array.Resize(ref _logPt, capacity);
        }
        if (_count < _steps.Length)
            return;
        Array.Resize(ref _steps, 2 * _count);
        Array.Resize(ref _ends, 2 * _count);
    }
}
