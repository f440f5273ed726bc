namespace SoftThinking.Scheduling;

/// <summary>What a recorded sequence is scored for: ids at each of its last positions, and the log-probabilities that the model gives
/// them. The engine's thread writes the results; they may be read once the sequence has ended.</summary>
/// <param name="first">Position whose logits score the first recorded token: the last of the prompt.</param>
/// <param name="temperatures">Of each recorded token.</param>
/// <param name="ends">End of the ids of each recorded token.</param>
/// <param name="ids">The ids of all recorded tokens.</param>
internal sealed class ScoreTargets(int first, float[] temperatures, int[] ends, int[] ids)
{
    private readonly int _first = first;
    private readonly float[] _logP1 = new float[ids.Length], _logPt = new float[ids.Length];

    /// <summary>Recorded tokens.</summary>
    public int Steps => ends.Length;

    /// <summary>The first position whose logits no launched step computes.</summary>
    public int Next { get; private set; } = first;

    /// <summary>Whether every result is there; valid once the sequence has ended.</summary>
    public bool Complete { get; set; }

    /// <summary>The recorded token that the logits of a position score.</summary>
    public int StepAt(int position) => position - _first;

    public float TemperatureOf(int step) => temperatures[step];

    public ReadOnlySpan<int> IdsOf(int step) => ids.AsSpan(StartOf(step)..ends[step]);

    /// <summary>ln p_1 of the ids.</summary>
    public Span<float> LogP1Of(int step) => _logP1.AsSpan(StartOf(step)..ends[step]);

    /// <summary>ln p_T of the ids.</summary>
    public Span<float> LogPtOf(int step) => _logPt.AsSpan(StartOf(step)..ends[step]);

    /// <summary>Plans the rows of positions that are computed next.</summary>
    /// <returns>How many of the last of them are scored. A position that is computed again, after a preemption, is not scored again.</returns>
    public int Plan(int position, int rows)
    {
        int end = position + rows, scored = Math.Max(0, end - Math.Max(position, Next));
        Next = Math.Max(Next, end);
        return scored;
    }

    private int StartOf(int step) => step == 0 ? 0 : ends[step - 1];
}
