using SoftThinking.Interop;

namespace SoftThinking.Thinking;

/// <summary>Finds the markers of a thought among generated tokens. Whether a token belongs to the thought the device reports;
/// a marker of several tokens is known only with its last one, so the tokens that may be part of it are held back until then.</summary>
/// <param name="closed">Whether the prompt closed the thought.</param>
internal sealed class MarkerTracker(ThinkingMarkers markers, bool closed)
{
    /// <summary>What may stop a thought, other than its model and switches.</summary>
    public const StepFlags Stops = StepFlags.ColdStop | StepFlags.Budget | StepFlags.Cusum | StepFlags.Eat | StepFlags.Deer;

    private readonly List<GeneratedToken> _held = [];
    private int _opening = closed ? -1 : 0; // ids of the start marker that the output began with; -1: it cannot be one any more
    private int _ending; // ids of the end marker that the output ends with
    private StepFlags _stops;
    private bool _closed = closed; // a thought was closed, and no marker that starts another followed

    /// <summary>Adds a token, and moves all that are decided to <paramref name="decided"/>.</summary>
    public void Append(GeneratedToken token, StepFlags flags, List<GeneratedToken> decided)
    {
        bool forcedEnd = (flags & StepFlags.Forced) != 0 && (flags & Stops) != 0;
        if (forcedEnd)
        {
            Flush(decided);
            _stops = flags & Stops;
            _ending = 0;
        }
        _held.Add(token);
        if (FollowsStart(token.Token.Token, decided))
            return;
        FollowEnd(token, flags, decided);
    }

    /// <summary>No more tokens follow.</summary>
    public void Flush(List<GeneratedToken> decided) => Release(_held.Count, decided);

    /// <summary>Whether the token is, or may be, part of a start marker.</summary>
    private bool FollowsStart(int id, List<GeneratedToken> decided)
    {
        if (_opening < 0)
            return false;
        int[] ids = markers.Start?.Ids ?? [];
        if (_opening >= ids.Length || ids[_opening] != id)
        {
            _opening = -1;
            return false;
        }
        if (++_opening < ids.Length)
            return true;
        _opening = -1;
        MarkHeld(_held.Count, null);
        Flush(decided);
        return true;
    }

    private void FollowEnd(GeneratedToken token, StepFlags flags, List<GeneratedToken> decided)
    {
        int[] ids = markers.End?.Ids ?? [];
        if ((flags & StepFlags.ThinkingEnded) != 0)
        {
            MarkHeld(Math.Min(ids.Length, _held.Count), EndOf(_stops | flags));
            Flush(decided);
            _closed = true;
            return;
        }
        FollowAnswer(token);
        _ending = token.Thinking && ids.Length > 1 ? Extend(ids, _ending, token.Token.Token) : 0;
        Release(_held.Count - _ending, decided);
    }

    // Some models repeat the end marker when the end of thinking was forced. Only a marker of one token is recognized: several are
    // words that an answer may contain. After another start marker the model means a thought in its answer, which is left as it is.
    private void FollowAnswer(GeneratedToken token)
    {
        if (token.Thinking || !_closed)
            return;
        if (markers.Start?.Ids is [int start] && start == token.Token.Token)
            _closed = false;
        else if (markers.End?.Ids is [int end] && end == token.Token.Token)
            _held[^1] = token with { Marker = true };
    }

    // The last tokens held become markers; the very last one ends the thought, if it does.
    private void MarkHeld(int count, ThinkingEnd? end)
    {
        for (int i = _held.Count - count; i < _held.Count; i++)
            _held[i] = _held[i] with { Marker = true, Thinking = true, ThinkingEnd = i == _held.Count - 1 ? end : null };
    }

    private void Release(int count, List<GeneratedToken> decided)
    {
        decided.AddRange(_held.GetRange(0, count));
        _held.RemoveRange(0, count);
    }

    /// <param name="flags">Those of the token that ends the thought, and the <see cref="Stops"/> of the tokens before it.</param>
    public static ThinkingEnd EndOf(StepFlags flags) =>
        (flags & StepFlags.Budget) != 0 ? ThinkingEnd.Budget
        : (flags & StepFlags.ColdStop) != 0 ? ThinkingEnd.ColdStop
        : (flags & StepFlags.Cusum) != 0 ? ThinkingEnd.Cusum
        : (flags & StepFlags.Eat) != 0 ? ThinkingEnd.Eat
        : (flags & StepFlags.Deer) != 0 ? ThinkingEnd.Deer
        : (flags & StepFlags.Forced) != 0 ? ThinkingEnd.Switches
        : ThinkingEnd.Model;

    /// <summary>How many ids of a marker the output ends with after <paramref name="id"/>; the device counts the same way.</summary>
    private static int Extend(int[] marker, int matched, int id)
    {
        for (int length = Math.Min(matched, marker.Length - 1); length >= 0; length--)
        {
            if (marker[length] == id && marker.AsSpan(0, length).SequenceEqual(marker.AsSpan(matched - length, length)))
                return length + 1;
        }
        return 0;
    }
}
