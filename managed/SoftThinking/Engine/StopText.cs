namespace SoftThinking;

/// <summary>Finds stop strings in text that comes in pieces. A piece is held back while it could be the beginning of
/// one.</summary>
internal sealed class StopText(IReadOnlyList<string> stops)
{
    private readonly List<GenerationStep> _held = [];
    private string _text = ""; // of the steps held

    /// <summary>Takes a step and gives those whose text is decided to <paramref name="decided"/>. Returns true when a stop
    /// string is complete: then all are decided, and the text of the last ones ends before it.</summary>
    public bool Append(GenerationStep step, Queue<GenerationEvent> decided)
    {
        if (stops.Count == 0)
        {
            decided.Enqueue(step);
            return false;
        }
        _held.Add(step);
        _text += step.Text;
        int found = FirstStop();
        Release(decided, found >= 0 ? found : _text.Length - BeginningAtEnd(), all: found >= 0);
        return found >= 0;
    }

    /// <summary>No more text comes: gives out what is held.</summary>
    public void Flush(Queue<GenerationEvent> decided) => Release(decided, _text.Length, all: true);

    /// <summary>Gives out steps of the first <paramref name="length"/> characters; with <paramref name="all"/> also the others,
    /// without their text.</summary>
    private void Release(Queue<GenerationEvent> decided, int length, bool all)
    {
        int used = 0, count = 0;
        foreach (GenerationStep step in _held)
        {
            int kept = Math.Min(step.Text.Length, length - used);
            if (kept < step.Text.Length && !all)
                break;
            decided.Enqueue(kept == step.Text.Length ? step : step with { Text = step.Text[..kept] });
            used += kept;
            count++;
        }
        _held.RemoveRange(0, count);
        _text = all ? "" : _text[used..];
    }

    private int FirstStop()
    {
        int first = -1;
        foreach (string stop in stops)
        {
            int found = _text.IndexOf(stop, StringComparison.Ordinal);
            if (found >= 0 && (first < 0 || found < first))
                first = found;
        }
        return first;
    }

    /// <summary>Length of the longest beginning of a stop string that the text ends with.</summary>
    private int BeginningAtEnd()
    {
        int longest = 0;
        foreach (string stop in stops)
        {
            for (int length = Math.Min(stop.Length - 1, _text.Length); length > longest; length--)
            {
                if (_text.AsSpan().EndsWith(stop.AsSpan(0, length), StringComparison.Ordinal))
                    longest = length;
            }
        }
        return longest;
    }
}
