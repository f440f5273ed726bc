using System.Text.RegularExpressions;
using SoftThinking.Evaluation.Judging.Reading;

namespace SoftThinking.Evaluation.Judging.Extraction;

/// <summary>A box in a text: \boxed{content} from Start to End.</summary>
internal sealed record Box(int Start, int End, string Content);

/// <summary>Finds the boxes of a text.</summary>
internal static partial class Boxes
{
    private const int MaxBetween = 60;

    private static readonly string[] Markers = ["\\boxed", "\\fbox"];

    /// <summary>
    /// The boxes that are closed and not inside another, in order, and whether one was opened and never closed behind them.
    /// </summary>
    public static (IReadOnlyList<Box> Boxes, bool Unclosed) Find(string text)
    {
        List<Box> boxes = [];
        bool unclosed = false;
        int[]? closing = null;
        for (int at = Next(text, 0); at >= 0; at = Next(text, at))
        {
            int start = at;
            at += Array.Find(Markers, marker => string.CompareOrdinal(text, start, marker, 0, marker.Length) == 0)!.Length;
            while (at < text.Length && char.IsWhiteSpace(text[at]))
                at++;
            if (at >= text.Length || text[at] != '{')
            {
                if (Unbraced(text, at) is { Length: > 0 } content)
                    boxes.Add(new Box(start, at + content.Length, content));
                continue;
            }
            closing ??= ClosingBraces(text);
            unclosed = closing[at] == 0;
            if (unclosed)
                continue;
            boxes.Add(new Box(start, closing[at] + 1, text[(at + 1)..closing[at]].Trim()));
            at = closing[at];
        }
        return (boxes, unclosed);
    }

    /// <summary>
    /// The answer in the boxes: the last with a content, with those before it that are joined to it by commas, "and" or "or"
    /// only. Null where there is none.
    /// </summary>
    public static string? Answer(string text, IReadOnlyList<Box> boxes)
    {
        int last = boxes.Count - 1;
        while (last >= 0 && boxes[last].Content.Length == 0)
            last--;
        if (last < 0)
            return null;
        int first = last;
        while (first > 0 && boxes[first - 1].Content.Length > 0 && Joins(text, boxes[first - 1].End, boxes[first].Start))
            first--;
        return string.Join(", ", boxes.Skip(first).Take(last - first + 1).Select(box => box.Content).Distinct());
    }

    /// <summary>The text without a box around all of it.</summary>
    public static string Unwrap(string text)
    {
        for (int i = 0; i < Budget.MaxDepth && text.Length <= Budget.MaxLength; i++)
        {
            text = text.Trim();
            string? marker = Array.Find(Markers, candidate => text.StartsWith(candidate + "{", StringComparison.Ordinal));
            if (marker is null || Braces.End(text, marker.Length) != text.Length - 1)
                break;
            text = text[(marker.Length + 1)..^1];
        }
        return text;
    }

    private static int Next(string text, int from)
    {
        for (int at = text.IndexOf('\\', from); at >= 0; at = text.IndexOf('\\', at + 1))
        {
            if (Array.Exists(Markers, marker => string.CompareOrdinal(text, at, marker, 0, marker.Length) == 0))
                return at;
        }
        return -1;
    }

    /// <summary>A number or a single letter behind a box without braces; "\boxed as" is prose about boxes.</summary>
    private static string Unbraced(string text, int at)
    {
        int end = at;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || (end == at && text[end] == '-')))
            end++;
        if (end == at && end < text.Length && char.IsAsciiLetter(text[end]))
            end++;
        return end < text.Length && char.IsLetter(text[end]) ? "" : text[at..end];
    }

    /// <summary>The position of the closing brace of each opening one; 0 where it is never closed.</summary>
    private static int[] ClosingBraces(string text)
    {
        int[] closing = new int[text.Length];
        Stack<int> open = new();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '{')
                open.Push(i);
            else if (text[i] == '}' && open.Count > 0)
                closing[open.Pop()] = i;
        }
        return closing;
    }

    private static bool Joins(string text, int from, int to)
    {
        if (to - from > MaxBetween)
            return false;
        string between = text[from..to];
        return Connective().IsMatch(between) && OnlyJoins().IsMatch(between);
    }

    [GeneratedRegex(@",|\band\b|\bor\b", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)]
    private static partial Regex Connective();

    [GeneratedRegex(
        @"^(?:\s|\$|,|\*|\\[()\[\],;:! ]|\\q?quad|\\text\s*\{|\}|and\b|or\b|[A-Za-z](?:_\{?[A-Za-z0-9]+\}?)?\s*=)*$",
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant)]
    private static partial Regex OnlyJoins();
}
