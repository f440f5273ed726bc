using System.Text;

namespace SoftThinking.Templating;

/// <summary>Filters that make text.</summary>
internal static class TextFilters
{
    private delegate string Change(string text, Arguments arguments, Budget budget);

    public static IEnumerable<Builtin> All { get; } =
    [
        new("string", [], 0, (run, v, _) => v is SafeText ? v : PythonText.Str(v, run.Budget)),
        new("safe", [], 0, (run, v, _) => v as SafeText ?? new SafeText(PythonText.Str(v, run.Budget))),
        new("e", [], 0, (run, v, _) => v as SafeText ?? Escape(v, run)),
        new("escape", [], 0, (run, v, _) => v as SafeText ?? Escape(v, run)),
        new("forceescape", [], 0, (run, v, _) => Escape(v, run)),
        Keeping("trim", ["chars"], 0, (s, a, _) => Python.Strip(s, a.HasValue(0) ? a.Text(0) : null)),
        Keeping("upper", [], 0, (s, _, _) => Casing.Upper(s)),
        Keeping("lower", [], 0, (s, _, _) => Casing.Lower(s)),
        Keeping("capitalize", [], 0, (s, _, _) => Casing.Capitalize(s)),
        Plain("title", [], 0, (s, _, _) => Title(s)),
        Keeping("center", ["width"], 0, (s, a, b) => StringMethods.Center(s, a.Size(0, 80), " ", b)),
        OnlyText(Keeping("indent", ["width", "first", "blank"], 0, Indent)),
        new("replace", ["old", "new", "count"], 2, (run, v, a) => Python.Replace(
            PythonText.Str(v, run.Budget), PythonText.Str(a[0], run.Budget), PythonText.Str(a[1], run.Budget),
            a.HasValue(2) ? a.Integer(2, -1) : -1, run.Budget)),
        Plain("truncate", ["length", "killwords", "end", "leeway"], 0, Truncate),
        new("wordcount", [], 0, (run, v, _) => CountWords(PythonText.Str(v, run.Budget), run.Budget)),
        new("format", null, 0, FormatAll),
        new("urlencode", [], 0, (run, v, _) => UrlEncode(v, run.Budget)),
    ];

    /// <summary>A filter of text whose result is marked safe where the text was.</summary>
    private static Builtin Keeping(string name, string[] parameters, int required, Change change) =>
        new(name, parameters, required, (run, value, arguments) =>
        {
            string text = PythonText.Str(value, run.Budget);
            run.Budget.ChargeText(text.Length);
            string result = change(text, arguments, run.Budget);
            return value is SafeText ? new SafeText(result) : result;
        });

    private static Builtin Plain(string name, string[] parameters, int required, Change change) =>
        new(name, parameters, required, (run, value, arguments) =>
        {
            string text = PythonText.Str(value, run.Budget);
            run.Budget.ChargeText(text.Length);
            return change(text, arguments, run.Budget);
        });

    private static Builtin OnlyText(Builtin filter) => filter with
    {
        Body = (run, value, arguments) => value is string or SafeText
            ? filter.Body(run, value, arguments)
            : throw (value as Undefined)?.Error()
                ?? new EvaluationException($"{filter.Name} needs text, not {Python.TypeName(value)}"),
    };

    private static SafeText Escape(object? value, Interpreter run)
    {
        string text = PythonText.Str(value, run.Budget);
        run.Budget.ChargeText(5L * text.Length);
        return new(SafeText.Escape(text));
    }

    // A word begins after whitespace and after - ( { [ <. Its first character takes its upper case, not its title case.
    private static string Title(string text)
    {
        StringBuilder result = new();
        for (int start = 0, end; start < text.Length; start = end)
        {
            bool isWord = !SeparatesWords(text[start]);
            for (end = start + 1; end < text.Length && SeparatesWords(text[end]) != isWord; end++)
            {
            }
            int first = start + (char.IsSurrogatePair(text, start) ? 2 : 1);
            result.Append(isWord ? Casing.Upper(text[start..first]) + Casing.Lower(text[first..end]) : text[start..end]);
        }
        return result.ToString();
    }

    private static bool SeparatesWords(char c) => Python.IsWhitespace(c) || "-({[<".Contains(c);

    private static string Indent(string text, Arguments arguments, Budget budget)
    {
        string indent = arguments.Has(0) && Text.Is(arguments[0], out string? given)
            ? given
            : Python.Repeat(" ", arguments.Integer(0, 4), budget);
        bool first = arguments.Flag(1, false);
        bool blank = arguments.Flag(2, false);
        List<string> lines = Python.SplitLines(text + "\n");
        BoundedText result = new(budget);
        for (int i = 0; i < lines.Count; i++)
        {
            if (i > 0)
                result.Append('\n');
            if (i == 0 ? first : blank || lines[i].Length > 0)
                result.Append(indent);
            result.Append(lines[i]);
        }
        return result.ToString();
    }

    private static string Truncate(string text, Arguments arguments, Budget budget)
    {
        int length = arguments.Size(0, 255);
        string end = arguments.Text(2, "...");
        int leeway = arguments.HasValue(3) ? arguments.Size(3, 5) : 5;
        int endLength = Python.CodePointCount(end);
        if (length < endLength || leeway < 0)
            throw new EvaluationException($"truncate needs a length of at least {endLength} and no negative leeway");
        if (Python.CodePointCount(text) <= (long)length + leeway)
            return text;
        string cut = text[..Python.UnitOf(text, length - endLength)];
        int space = arguments.Flag(1, false) ? -1 : cut.LastIndexOf(' ');
        return (space >= 0 ? cut[..space] : cut) + end;
    }

    private static object? CountWords(string text, Budget budget)
    {
        budget.ChargeText(text.Length);
        long words = 0;
        bool inWord = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isWord = CharacterKind.IsAlphanumeric(rune) || rune.Value == '_';
            words += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }
        return words;
    }

    private static object? FormatAll(Interpreter run, object? value, Arguments arguments)
    {
        CallArguments call = arguments.Call;
        if (call.Positional.Length > 0 && call.Keywords.Count > 0)
            throw new EvaluationException("can't handle positional and keyword arguments at the same time");
        object values = call.Keywords.Count > 0 ? Globals.ToDict(call.Keywords) : SequenceValue.Tuple(call.Positional);
        return PercentFormat.Apply(PythonText.Str(value, run.Budget), values, run.Budget);
    }

    private static object? UrlEncode(object? value, Budget budget)
    {
        if (value is DictValue or SequenceValue)
            throw new EvaluationException("urlencode of anything but text is not supported");
        string text = PythonText.Str(value, budget);
        budget.ChargeText(9L * text.Length);
        return Uri.EscapeDataString(text).Replace("%2F", "/");
    }
}
