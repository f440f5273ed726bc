using System.Buffers;
using System.Numerics;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>What Python says of single values: type, truth, length, elements, and text by code points.</summary>
internal static class Python
{
    /// <summary>What str.strip, str.split and \s take as whitespace.</summary>
    public static readonly SearchValues<char> Whitespace = SearchValues.Create(
        [.. Enumerable.Range(0, 0x10000).Select(i => (char)i).Where(c => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f')]);

    public static bool IsWhitespace(char c) => Whitespace.Contains(c);

    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        SafeText => "Markup",
        SequenceValue sequence => sequence.TypeName,
        DictValue => "dict",
        GeneratorValue => "generator",
        NamespaceValue => "Namespace",
        Undefined => "Undefined",
        Macro => "Macro",
        LoopValue => "LoopContext",
        _ => "builtin_function_or_method",
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        SafeText safe => safe.Text.Length > 0,
        SequenceValue sequence => sequence.Count > 0,
        DictValue dict => dict.Count > 0,
        _ => true,
    };

    public static bool IsNumber(object? value) => value is long or double or bool or BigInteger;

    /// <summary>len().</summary>
    public static long Length(object? value) => value switch
    {
        string text => CodePointCount(text),
        SafeText safe => CodePointCount(safe.Text),
        SequenceValue sequence => sequence.Count,
        DictValue dict => dict.Count,
        Undefined => 0,
        LoopValue loop => loop.Length,
        _ => throw new EvaluationException($"object of type '{TypeName(value)}' has no len()"),
    };

    public static bool IsIterable(object? value) =>
        value is string or SafeText or SequenceValue or DictValue or GeneratorValue or Undefined or LoopValue;

    /// <summary>All elements, as a for loop sees them: the characters of a text, the keys of a dict.</summary>
    public static IReadOnlyList<object?> Iterate(object? value, Budget budget)
    {
        IReadOnlyList<object?> items = value switch
        {
            SequenceValue sequence => sequence.Items,
            DictValue dict => dict.Keys,
            GeneratorValue generator => generator.Drain(),
            string text => Characters(text, budget),
            SafeText safe => Characters(safe.Text, budget),
            Undefined => [],
            _ => throw new EvaluationException($"'{TypeName(value)}' object is not iterable"),
        };
        budget.ChargeElements(items.Count);
        return items;
    }

    private static object?[] Characters(string text, Budget budget)
    {
        budget.ChargeElements(text.Length);
        object?[] characters = new object?[CodePointCount(text)];
        int at = 0;
        for (int i = 0; i < characters.Length; i++)
        {
            int units = char.IsSurrogatePair(text, at) ? 2 : 1;
            characters[i] = text.Substring(at, units);
            at += units;
        }
        return characters;
    }

    /// <summary>Length in code points.</summary>
    public static int CodePointCount(string text)
    {
        int count = text.Length;
        for (int i = 0; i + 1 < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i], text[i + 1]))
            {
                count--;
                i++;
            }
        }
        return count;
    }

    /// <summary>Index in UTF-16 units of a code point.</summary>
    public static int UnitOf(string text, long codePoint)
    {
        int at = 0;
        for (; codePoint > 0 && at < text.Length; codePoint--)
            at += char.IsSurrogatePair(text, at) ? 2 : 1;
        return at;
    }

    public static string Strip(string text, string? characters = null) => StripStart(StripEnd(text, characters), characters);

    public static string StripStart(string text, string? characters = null)
    {
        int at = characters == null
            ? text.AsSpan().IndexOfAnyExcept(Whitespace)
            : IndexOfRune(text, r => !characters.Contains(r));
        return at < 0 ? "" : text[at..];
    }

    public static string StripEnd(string text, string? characters = null)
    {
        if (characters == null)
            return text[..(text.AsSpan().LastIndexOfAnyExcept(Whitespace) + 1)];
        int end = text.Length;
        while (end > 0)
        {
            int units = end > 1 && char.IsSurrogatePair(text, end - 2) ? 2 : 1;
            if (!characters.Contains(text.Substring(end - units, units), StringComparison.Ordinal))
                break;
            end -= units;
        }
        return text[..end];
    }

    private static int IndexOfRune(string text, Predicate<string> matches)
    {
        for (int at = 0; at < text.Length;)
        {
            int units = char.IsSurrogatePair(text, at) ? 2 : 1;
            if (matches(text.Substring(at, units)))
                return at;
            at += units;
        }
        return -1;
    }

    /// <summary>str.splitlines without the line breaks.</summary>
    public static List<string> SplitLines(string text, bool keepEnds = false)
    {
        List<string> lines = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029'))
                continue;
            int end = i;
            if (text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n')
                i++;
            lines.Add(text[start..(keepEnds ? i + 1 : end)]);
            start = i + 1;
        }
        if (start < text.Length)
            lines.Add(text[start..]);
        return lines;
    }

    /// <summary>str.capitalize.</summary>
    public static string Capitalize(string text)
    {
        if (text.Length == 0)
            return text;
        int units = char.IsSurrogatePair(text, 0) ? 2 : 1;
        return text[..units].ToUpperInvariant() + text[units..].ToLowerInvariant();
    }

    /// <summary>str.replace, with the size of the result checked before it is built. A negative count replaces all.</summary>
    public static string Replace(string text, string old, string replacement, long count, Budget budget)
    {
        budget.ChargeText(text.Length);
        List<int> places = [];
        for (int at = 0; count != 0 && at <= text.Length; count--)
        {
            int found = text.IndexOf(old, at, StringComparison.Ordinal);
            if (found < 0)
                break;
            places.Add(found);
            at = old.Length > 0 ? found + old.Length : found == text.Length ? found + 1 : UnitOf(text[found..], 1) + found;
        }
        budget.ChargeText(text.Length + places.Count * ((long)replacement.Length - old.Length));
        StringBuilder result = new();
        int copied = 0;
        foreach (int place in places)
        {
            result.Append(text, copied, place - copied).Append(replacement);
            copied = place + old.Length;
        }
        return result.Append(text, copied, text.Length - copied).ToString();
    }

    /// <summary>A text or list repeated; none for a negative count.</summary>
    public static string Repeat(string text, long count, Budget budget)
    {
        if (count <= 0 || text.Length == 0)
            return "";
        budget.ChargeText(count > Budget.MaxText ? long.MaxValue : count * text.Length);
        return new StringBuilder(text.Length * (int)count).Insert(0, text, (int)count).ToString();
    }
}
