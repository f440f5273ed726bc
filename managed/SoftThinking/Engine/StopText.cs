namespace SoftThinking;

/// <summary>Holds back text while it could be the start of a stop string, so that no part of one is streamed. That a stop string matched
/// <see cref="StopMatcher"/> reports.</summary>
internal sealed class StopText(IReadOnlyList<string> stops, bool inThinking)
{
    private readonly List<GeneratedToken> _held = [];
    private string _text = ""; // of the tokens held

    /// <summary>Adds a token, and moves those whose text is decided to <paramref name="decided"/>.</summary>
    public void Append(GeneratedToken token, Queue<GenerationEvent> decided)
    {
        if (stops.Count == 0 || (token.Thinking && !inThinking))
        {
            Flush(decided);
            decided.Enqueue(token);
            return;
        }
        _held.Add(token);
        _text += token.Text;
        Release(decided, _text.Length - StartAtEnd(), all: false);
    }

    /// <summary>Adds the last token, which completed a stop string: the text ends before that.</summary>
    public void Cut(GeneratedToken last, string stop, Queue<GenerationEvent> decided)
    {
        int from = Math.Max(0, _text.Length - stop.Length + 1);
        _held.Add(last);
        _text += last.Text;
        int first = _text.IndexOf(stop, from, StringComparison.Ordinal);
        Release(decided, first < 0 ? _text.Length : first, all: true);
    }

    /// <summary>No more text follows: releases what is held.</summary>
    public void Flush(Queue<GenerationEvent> decided) => Release(decided, _text.Length, all: true);

    /// <summary>Releases tokens of the first <paramref name="length"/> characters; with <paramref name="all"/> also the others,
    /// without their text.</summary>
    private void Release(Queue<GenerationEvent> decided, int length, bool all)
    {
        int used = 0, count = 0;
        foreach (GeneratedToken token in _held)
        {
            int kept = Math.Min(token.Text.Length, length - used);
            if (kept < token.Text.Length && !all)
                break;
            decided.Enqueue(kept == token.Text.Length ? token : token with { Text = token.Text[..kept] });
            used += kept;
            count++;
        }
        _held.RemoveRange(0, count);
        _text = all ? "" : _text[used..];
    }

    /// <summary>Length of the longest start of a stop string that the text ends with.</summary>
    private int StartAtEnd()
    {
        int longest = 0;
        foreach (string stop in stops)
        {
            for (int length = Math.Min(stop.Length, _text.Length); length > longest; length--)
            {
                if (_text.AsSpan().EndsWith(stop.AsSpan(0, length), StringComparison.Ordinal))
                    longest = length;
            }
        }
        return longest;
    }
}
