using System.Text;

namespace SoftThinking.Templating;

/// <summary>Methods of str. Positions count code points.</summary>
internal static class StringMethods
{
    private delegate object? Body(string text, Arguments arguments, Budget budget);

    private static readonly Dictionary<string, Builtin> All = Build().ToDictionary(m => m.Name);

    public static Builtin? Find(string name) => All.GetValueOrDefault(name);

    private static IEnumerable<Builtin> Build() =>
    [
        Method("strip", ["chars"], 0, (s, a, _) => Python.Strip(s, Characters(a))),
        Method("lstrip", ["chars"], 0, (s, a, _) => Python.StripStart(s, Characters(a))),
        Method("rstrip", ["chars"], 0, (s, a, _) => Python.StripEnd(s, Characters(a))),
        Method("split", ["sep", "maxsplit"], 0, (s, a, b) => Split(s, a, b, fromEnd: false)),
        Method("rsplit", ["sep", "maxsplit"], 0, (s, a, b) => Split(s, a, b, fromEnd: true)),
        Method("splitlines", ["keepends"], 0, (s, a, b) => List(Python.SplitLines(s, a.Flag(0, false)), b)),
        Method("partition", ["sep"], 1, (s, a, _) => Partition(s, a, fromEnd: false)),
        Method("rpartition", ["sep"], 1, (s, a, _) => Partition(s, a, fromEnd: true)),
        Method("startswith", ["prefix", "start", "end"], 1, (s, a, b) => Affix(s, a, b, (t, p) => t.StartsWith(p))),
        Method("endswith", ["suffix", "start", "end"], 1, (s, a, b) => Affix(s, a, b, (t, p) => t.EndsWith(p))),
        Method("removeprefix", ["prefix"], 1, (s, a, _) =>
            s.StartsWith(a.Text(0), StringComparison.Ordinal) ? s[a.Text(0).Length..] : s),
        Method("removesuffix", ["suffix"], 1, (s, a, _) =>
            s.EndsWith(a.Text(0), StringComparison.Ordinal) ? s[..^a.Text(0).Length] : s),
        Method("replace", ["old", "new", "count"], 2, (s, a, b) =>
            Python.Replace(s, a.Text(0), a.Text(1), a.Integer(2, -1), b)),
        Method("upper", [], 0, (s, _, _) => Casing.Upper(s)),
        Method("lower", [], 0, (s, _, _) => Casing.Lower(s)),
        Method("casefold", [], 0, (s, _, _) => Casing.Fold(s)),
        Method("title", [], 0, (s, _, _) => Casing.Title(s)),
        Method("capitalize", [], 0, (s, _, _) => Casing.Capitalize(s)),
        Method("swapcase", [], 0, (s, _, _) => Casing.Swap(s)),
        Method("join", ["iterable"], 1, (s, a, b) => Join(s, a[0], b)),
        Method("find", ["sub", "start", "end"], 1, (s, a, _) => FindPart(s, a, fromEnd: false)),
        Method("rfind", ["sub", "start", "end"], 1, (s, a, _) => FindPart(s, a, fromEnd: true)),
        Method("index", ["sub", "start", "end"], 1, (s, a, _) => Found(FindPart(s, a, fromEnd: false))),
        Method("rindex", ["sub", "start", "end"], 1, (s, a, _) => Found(FindPart(s, a, fromEnd: true))),
        Method("count", ["sub", "start", "end"], 1, (s, a, _) => Count(s, a)),
        Method("isalpha", [], 0, (s, _, _) => AllRunes(s, Rune.IsLetter)),
        Method("isdigit", [], 0, (s, _, _) => AllRunes(s, CharacterKind.IsDigit)),
        Method("isdecimal", [], 0, (s, _, _) => AllRunes(s, CharacterKind.IsDecimal)),
        Method("isnumeric", [], 0, (s, _, _) => AllRunes(s, CharacterKind.IsNumeric)),
        Method("isalnum", [], 0, (s, _, _) => AllRunes(s, CharacterKind.IsAlphanumeric)),
        Method("isascii", [], 0, (s, _, _) => Ascii.IsValid(s)),
        Method("isspace", [], 0, (s, _, _) => s.Length > 0 && s.All(Python.IsWhitespace)),
        Method("isupper", [], 0, (s, _, _) => IsCased(s, upper: true)),
        Method("islower", [], 0, (s, _, _) => IsCased(s, upper: false)),
        Method("ljust", ["width", "fillchar"], 1, (s, a, b) => s + Padding(s, a, b)),
        Method("rjust", ["width", "fillchar"], 1, (s, a, b) => Padding(s, a, b) + s),
        Method("center", ["width", "fillchar"], 1, (s, a, b) => Center(s, a.Size(0, 0), a.Text(1, " "), b)),
        Method("zfill", ["width"], 1, (s, a, b) => ZeroFill(s, a, b)),
        new("format", null, 0, (run, s, a) => FormatMethod.Apply(PythonText.Str(s, run.Budget), a.Call, run.Budget)),
    ];

    private static Builtin Method(string name, string[] parameters, int required, Body body) =>
        new(name, parameters, required, (run, self, arguments) =>
        {
            string text = PythonText.Str(self, run.Budget);
            run.Budget.ChargeText(text.Length);
            object? result = body(text, arguments, run.Budget);
            return self is SafeText && result is string safe ? new SafeText(safe) : result;
        });

    private static string? Characters(Arguments arguments) => arguments.HasValue(0) ? arguments.Text(0) : null;

    private static SequenceValue List(List<string> parts, Budget budget)
    {
        budget.ChargeElements(parts.Count);
        return new([.. parts]);
    }

    private static SequenceValue Split(string text, Arguments arguments, Budget budget, bool fromEnd)
    {
        long limit = arguments.Integer(1, -1);
        if (limit < 0)
            limit = long.MaxValue;
        if (!arguments.HasValue(0))
            return List(fromEnd ? SplitWordsFromEnd(text, limit) : SplitWords(text, limit), budget);
        string separator = arguments.Text(0);
        if (separator.Length == 0)
            throw new EvaluationException("empty separator");
        return List(fromEnd ? SplitFromEnd(text, separator, limit) : SplitAt(text, separator, limit), budget);
    }

    private static List<string> SplitAt(string text, string separator, long limit)
    {
        List<string> parts = [];
        int start = 0;
        for (; limit > 0; limit--)
        {
            int found = Python.Find(text.AsSpan(start), separator);
            if (found < 0)
                break;
            parts.Add(text.Substring(start, found));
            start += found + separator.Length;
        }
        parts.Add(text[start..]);
        return parts;
    }

    private static List<string> SplitFromEnd(string text, string separator, long limit)
    {
        List<string> parts = [];
        int end = text.Length;
        for (; limit > 0; limit--)
        {
            int found = Python.Find(text.AsSpan(0, end), separator, fromEnd: true);
            if (found < 0)
                break;
            parts.Add(text[(found + separator.Length)..end]);
            end = found;
        }
        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    private static List<string> SplitWords(string text, long limit)
    {
        List<string> parts = [];
        ReadOnlySpan<char> rest = text;
        for (; ; limit--)
        {
            int start = rest.IndexOfAnyExcept(Python.Whitespace);
            if (start < 0)
                return parts;
            rest = rest[start..];
            int end = limit > 0 ? rest.IndexOfAny(Python.Whitespace) : -1;
            parts.Add((end < 0 ? rest : rest[..end]).ToString());
            if (end < 0)
                return parts;
            rest = rest[end..];
        }
    }

    private static List<string> SplitWordsFromEnd(string text, long limit)
    {
        List<string> parts = [];
        ReadOnlySpan<char> rest = text;
        for (; ; limit--)
        {
            rest = rest[..(rest.LastIndexOfAnyExcept(Python.Whitespace) + 1)];
            if (rest.Length == 0)
                break;
            int start = limit > 0 ? rest.LastIndexOfAny(Python.Whitespace) : -1;
            parts.Add(rest[(start + 1)..].ToString());
            rest = rest[..Math.Max(start, 0)];
        }
        parts.Reverse();
        return parts;
    }

    private static SequenceValue Partition(string text, Arguments arguments, bool fromEnd)
    {
        string separator = arguments.Text(0);
        if (separator.Length == 0)
            throw new EvaluationException("empty separator");
        int found = Python.Find(text, separator, fromEnd);
        if (found >= 0)
            return SequenceValue.Tuple(text[..found], separator, text[(found + separator.Length)..]);
        return fromEnd ? SequenceValue.Tuple("", "", text) : SequenceValue.Tuple(text, "", "");
    }

    private delegate bool HasAffix(ReadOnlySpan<char> text, string part);

    private static bool Affix(string text, Arguments arguments, Budget budget, HasAffix matches)
    {
        (int start, int stop) = Range(arguments, 1, text.Length, text);
        IReadOnlyList<object?> parts = arguments[0] is SequenceValue { Kind: SequenceKind.Tuple } tuple
            ? tuple.Items
            : [arguments.Text(0)];
        budget.ChargeElements(parts.Count);
        string within = start <= stop ? text[start..stop] : "";
        return parts.Any(p => Text.Is(p, out string? part)
            ? start <= stop && matches(within, part)
            : throw new EvaluationException("startswith and endswith need texts"));
    }

    /// <summary>The bounds "start" and "end", the first of which has the index <paramref name="first"/>, clamped; in
    /// UTF-16 units where a text is passed. A start beyond the end is greater than the stop: not even an empty
    /// text is found there.</summary>
    public static (int Start, int Stop) Range(Arguments arguments, int first, int count, string? text = null)
    {
        int length = text == null ? count : Python.CodePointCount(text);
        int start = arguments.HasValue(first) ? Clamp(arguments.Integer(first, 0), length + 1L) : 0;
        int stop = arguments.HasValue(first + 1) ? Clamp(arguments.Integer(first + 1, 0), length) : length;
        return text == null || start > stop
            ? (start, stop)
            : (Python.UnitOf(text, start), Python.UnitOf(text, stop));

        int Clamp(long bound, long most) => (int)Math.Clamp(bound < 0 ? bound + length : bound, 0, most);
    }

    private static long FindPart(string text, Arguments arguments, bool fromEnd)
    {
        string part = arguments.Text(0);
        (int start, int stop) = Range(arguments, 1, 0, text);
        if (start > stop)
            return -1;
        ReadOnlySpan<char> within = text.AsSpan(start, stop - start);
        int found = Python.Find(within, part, fromEnd);
        return found < 0 ? -1 : Python.CodePointCount(text[..(start + found)]);
    }

    private static long Found(long place) => place >= 0 ? place : throw new EvaluationException("substring not found");

    private static long Count(string text, Arguments arguments)
    {
        string part = arguments.Text(0);
        (int start, int stop) = Range(arguments, 1, 0, text);
        if (start > stop)
            return 0;
        ReadOnlySpan<char> within = text.AsSpan(start, stop - start);
        if (part.Length == 0)
            return Python.CodePointCount(within.ToString()) + 1;
        long count = 0;
        for (int at; (at = Python.Find(within, part)) >= 0; count++)
            within = within[(at + part.Length)..];
        return count;
    }

    private static string Join(string separator, object? items, Budget budget)
    {
        BoundedText text = new(budget);
        int index = 0;
        foreach (object? item in Python.Iterate(items, budget))
        {
            if (!Text.Is(item, out string? part))
                throw new EvaluationException(
                    $"sequence item {index}: expected str instance, {Python.TypeName(item)} found");
            if (index++ > 0)
                text.Append(separator);
            text.Append(part);
        }
        return text.ToString();
    }

    private static bool AllRunes(string text, Predicate<Rune> holds) =>
        text.Length > 0 && text.EnumerateRunes().All(r => holds(r));

    /// <summary>str.isupper and str.islower: some letter has the case, none has the other.</summary>
    public static bool IsCased(string text, bool upper)
    {
        bool any = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (CharacterKind.IsTitle(rune) || (upper ? CharacterKind.IsLower(rune) : CharacterKind.IsUpper(rune)))
                return false;
            any |= upper ? CharacterKind.IsUpper(rune) : CharacterKind.IsLower(rune);
        }
        return any;
    }

    private static string Padding(string text, Arguments arguments, Budget budget) =>
        Python.Repeat(
            OneCharacter(arguments.Text(1, " ")), arguments.Size(0, 0) - (long)Python.CodePointCount(text), budget);

    private static string OneCharacter(string fill) => Python.CodePointCount(fill) == 1
        ? fill
        : throw new EvaluationException("the fill character must be exactly one character long");

    /// <summary>str.center.</summary>
    public static string Center(string text, int width, string fill, Budget budget)
    {
        long padding = Math.Max(0, width - (long)Python.CodePointCount(text));
        long left = padding / 2 + (padding & width & 1);
        OneCharacter(fill);
        return Python.Repeat(fill, left, budget) + text + Python.Repeat(fill, padding - left, budget);
    }

    private static string ZeroFill(string text, Arguments arguments, Budget budget)
    {
        string zeros = Python.Repeat("0", arguments.Size(0, 0) - (long)Python.CodePointCount(text), budget);
        return text.StartsWith('-') || text.StartsWith('+') ? text[0] + zeros + text[1..] : zeros + text;
    }
}
