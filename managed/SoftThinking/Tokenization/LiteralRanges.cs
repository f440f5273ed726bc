using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>Parts of a text in which no added token is matched: indices of UTF-16 units, ascending, disjoint, not
/// empty.</summary>
internal static class LiteralRanges
{
    /// <summary>Checks ranges that a caller passed.</summary>
    /// <param name="length">Length of the text.</param>
    /// <exception cref="ArgumentException">A range is outside the text, or they are not ascending and disjoint.</exception>
    public static (int Start, int End)[] Check(IReadOnlyList<Range> ranges, int length)
    {
        List<(int, int)> checkedRanges = new(ranges.Count);
        int covered = 0;
        foreach (Range range in ranges)
        {
            (int start, int end) = (range.Start.GetOffset(length), range.End.GetOffset(length));
            if (start < covered || end < start || end > length)
            {
                throw new ArgumentException(
                    $"literal ranges must be ascending, disjoint and within the text of {length} characters; found {range}", nameof(ranges));
            }
            if (start < end)
                checkedRanges.Add((start, end));
            covered = end;
        }
        return [.. checkedRanges];
    }

    /// <summary>The ranges within a part of the text, relative to its start.</summary>
    public static (int Start, int End)[] Within(ReadOnlySpan<(int Start, int End)> ranges, int start, int end)
    {
        List<(int, int)> inside = [];
        foreach ((int first, int last) in ranges)
        {
            if (last > start && first < end)
                inside.Add((Math.Max(first, start) - start, Math.Min(last, end) - start));
        }
        return [.. inside];
    }

    /// <summary>Normalizes a text to NFC, and maps the ranges to the result. A range grows where composition
    /// combines its characters with those around it.</summary>
    public static (string Text, (int Start, int End)[] Ranges) Compose(
        ReadOnlySpan<char> text, ReadOnlySpan<(int Start, int End)> ranges)
    {
        StringBuilder composed = new(text.Length);
        List<(int Start, int End)> moved = [];
        int at = 0;
        foreach ((int first, int last) in ranges)
        {
            int start = first, end = last;
            while (start > at && !StandsAlone(text, start))
                start--;
            while (!StandsAlone(text, end))
                end++;
            if (end <= at)
                continue; // within the previous one, which has grown
            start = Math.Max(start, at);
            composed.Append(CanonicalComposition.Compose(text[at..start]));
            int movedStart = composed.Length;
            composed.Append(CanonicalComposition.Compose(text[start..end]));
            at = end;
            if (moved.Count > 0 && moved[^1].End == movedStart)
                moved[^1] = (moved[^1].Start, composed.Length);
            else
                moved.Add((movedStart, composed.Length));
        }
        composed.Append(CanonicalComposition.Compose(text[at..]));
        return (composed.ToString(), [.. moved]);
    }

    // Characters below U+0300 never compose with the preceding ones: a text can be split there, composed in parts and joined.
    private static bool StandsAlone(ReadOnlySpan<char> text, int at) => at == 0 || at == text.Length || text[at] < '\u0300';
}
