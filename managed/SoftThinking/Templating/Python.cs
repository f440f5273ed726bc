using System.Buffers;
using System.Numerics;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>Properties of single values as in Python: type, truth, length, elements, and text by code points.</summary>
internal static class Python
{
    /// <summary>Whitespace for str.strip, str.split and \s.</summary>
    public static readonly SearchValues<char> Whitespace = SearchValues.Create([.. Enumerable.Range(0, 0x10000)
        .Select(i => (char)i).Where(c => char.IsWhiteSpace(c) || c is >= '\x1c' and < ' ')]);

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

    public static string Strip(string text, string? characters = null) =>
        StripStart(StripEnd(text, characters), characters);

    public static string StripStart(string text, string? characters = null)
    {
        if (characters != null && characters.Any(char.IsSurrogate))
            return string.Concat(text.EnumerateRunes().SkipWhile(Among(characters)));
        int at = text.AsSpan().IndexOfAnyExcept(characters == null ? Whitespace : SearchValues.Create(characters));
        return at < 0 ? "" : text[at..];
    }

    public static string StripEnd(string text, string? characters = null)
    {
        if (characters != null && characters.Any(char.IsSurrogate))
            return string.Concat(text.EnumerateRunes().Reverse().SkipWhile(Among(characters)).Reverse());
        SearchValues<char> stripped = characters == null ? Whitespace : SearchValues.Create(characters);
        return text[..(text.AsSpan().LastIndexOfAnyExcept(stripped) + 1)];
    }

    private static Func<Rune, bool> Among(string characters) => characters.EnumerateRunes().ToHashSet().Contains;

    /// <summary>First or last place of a part, or -1, in time linear in both: the framework's search needs time
    /// proportional to the product of both lengths on adversarial texts.</summary>
    public static int Find(ReadOnlySpan<char> text, ReadOnlySpan<char> part, bool fromEnd = false)
    {
        const int ShortEnough = 64;
        if (part.Length > text.Length)
            return -1;
        if (part.Length <= ShortEnough)
            return fromEnd ? text.LastIndexOf(part) : text.IndexOf(part);

        // Knuth, Morris and Pratt; from the end, both texts are read backwards.
        int[] borders = new int[part.Length];
        for (int i = 1, length = 0; i < part.Length; i++)
        {
            while (length > 0 && At(part, i) != At(part, length))
                length = borders[length - 1];
            borders[i] = length += At(part, i) == At(part, length) ? 1 : 0;
        }
        for (int i = 0, length = 0; i < text.Length; i++)
        {
            while (length > 0 && At(text, i) != At(part, length))
                length = borders[length - 1];
            length += At(text, i) == At(part, length) ? 1 : 0;
            if (length == part.Length)
                return fromEnd ? text.Length - 1 - i : i + 1 - length;
        }
        return -1;

        char At(ReadOnlySpan<char> characters, int index) =>
            characters[fromEnd ? characters.Length - 1 - index : index];
    }

    /// <summary>str.splitlines without the line breaks.</summary>
    public static List<string> SplitLines(string text, bool keepEnds = false)
    {
        List<string> lines = [];
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is not (>= '\n' and <= '\r' or >= '\x1c' and <= '\x1e' or '\x85' or '\u2028' or '\u2029'))
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

    /// <summary>str.replace, with the size of the result checked before it is built. A negative count replaces
    /// all.</summary>
    public static string Replace(string text, string old, string replacement, long count, Budget budget)
    {
        budget.ChargeText(text.Length);
        List<int> places = [];
        for (int at = 0; count != 0 && at <= text.Length; count--)
        {
            int found = Find(text.AsSpan(at), old);
            if (found < 0)
                break;
            found += at;
            places.Add(found);
            bool isPair = found + 1 < text.Length && char.IsSurrogatePair(text, found);
            at = found + (old.Length > 0 ? old.Length : isPair ? 2 : 1);
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
