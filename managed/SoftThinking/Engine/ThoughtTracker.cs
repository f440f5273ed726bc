using SoftThinking.Interop;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>Tells which steps belong to the thought. With soft thinking the device's state machine decides; without it
/// the markers do: one that the prompt left open, or one that the model begins with.</summary>
internal sealed class ThoughtTracker
{
    private readonly int? _startId;
    private readonly int? _endId;
    private bool _thinking;
    private bool _first = true;

    /// <param name="endId">Id that ends a thought, null where the vocabulary has none.</param>
    public ThoughtTracker(Tokenizer tokenizer, IReadOnlyList<ConceptToken> prompt, bool soft, int? endId)
    {
        _startId = tokenizer.TokenId("<think>");
        _endId = endId;
        _thinking = soft || LeavesOpen(prompt);
    }

    /// <summary>Whether the next step belongs to the thought.</summary>
    public bool Thinking => _thinking;

    /// <summary>Takes in a step; whether it belongs to the thought, and whether it is a marker.</summary>
    public (bool Thinking, bool Marker) Append(int head)
    {
        bool starts = _first && head == _startId;
        bool ends = head == _endId && (_thinking || starts);
        _first = false;
        bool thinking = _thinking || starts;
        _thinking = thinking && !ends;
        return (thinking, starts || ends);
    }

    /// <summary>How the step with these flags ended the thought.</summary>
    public static ThinkingEnd EndOf(StepFlags flags) =>
        flags.HasFlag(StepFlags.Budget) ? ThinkingEnd.Budget
        : flags.HasFlag(StepFlags.ColdStop) ? ThinkingEnd.ColdStop
        : ThinkingEnd.Model;

    private bool LeavesOpen(IReadOnlyList<ConceptToken> prompt)
    {
        for (int i = prompt.Count - 1; i >= 0; i--)
        {
            if (prompt[i].Head == _startId)
                return true;
            if (prompt[i].Head == _endId)
                return false;
        }
        return false;
    }
}
