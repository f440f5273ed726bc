using System.Diagnostics;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Scheduling;

namespace SoftThinking;

/// <summary>One sample under way. The engine's thread records what each step gave; whoever asked for it reads behind,
/// up to the steps that <see cref="Steps"/> counts.</summary>
internal sealed class SampleRun : Sequence
{
    private readonly int _logProbs;
    private float[] _entropies;
    private StepFlags[] _flags;
    private StepLogProbs[] _told = [];
    private int _stepsAtEnd = int.MaxValue;

    public SampleRun(Generation generation, int index, TokenHistory tokens, int maxLength, int priority, int? logProbs)
        : base(tokens, maxLength, priority)
    {
        (Generation, Index) = (generation, index);
        _logProbs = logProbs ?? -1;
        int ahead = Math.Min(maxLength - PromptLength, StepsAhead);
        (_entropies, _flags) = (new float[ahead], new StepFlags[ahead]);
    }

    public Generation Generation { get; }

    public int Index { get; }

    /// <summary>Steps that were recorded.</summary>
    public int Steps => Tokens.Count - PromptLength;

    /// <summary>Why the sample ended; true of its last step and all that ask later.</summary>
    public FinishReason FinishReason { get; private set; }

    /// <summary>Set by the reader: the text is complete, further steps are not wanted.</summary>
    public bool StopRequested
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>Whether the sample waits to be begun; kept by the engine's thread.</summary>
    public bool Queued { get; set; } = true;

    /// <summary>When the last step was recorded, as <see cref="Stopwatch.GetTimestamp"/> counts.</summary>
    public long LastStepAt { get; set; }

    /// <summary>Records a step; with a reason it is the last.</summary>
    public void Record(SampledRow row, FinishReason? reason)
    {
        int step = Steps;
        if (step == _entropies.Length)
        {
            Array.Resize(ref _entropies, 2 * step);
            Array.Resize(ref _flags, 2 * step);
        }
        _entropies[step] = row.Entropy;
        _flags[step] = row.Flags;
        if (_logProbs >= 0)
            RecordLogProbs(step, row);
        if (reason is FinishReason finish)
        {
            FinishReason = finish;
            Volatile.Write(ref _stepsAtEnd, step + 1);
        }
        Tokens.Append(row.Ids, row.Weights); // publishes all of it
    }

    /// <summary>Whether a recorded step is the last one.</summary>
    public bool IsLast(int step) => step + 1 == Volatile.Read(ref _stepsAtEnd);

    public float EntropyOf(int step) => _entropies[step];

    public StepFlags FlagsOf(int step) => _flags[step];

    public StepLogProbs? LogProbsOf(int step) => _logProbs < 0 ? null : _told[step];

    private void RecordLogProbs(int step, SampledRow row)
    {
        if (step >= _told.Length)
            Array.Resize(ref _told, Math.Max(64, 2 * step));
        var top = new (int, float)[_logProbs];
        for (int i = 0; i < top.Length; i++)
            top[i] = (row.TopIds[i], row.TopLogProbs[i]);
        _told[step] = new StepLogProbs(row.HeadLogProb, top);
    }
}
