namespace SoftThinking.Templating;

/// <summary>The operator <c>%</c> of text: <c>"%s: %d" % (name, count)</c>.</summary>
internal static class PercentFormat
{
    public static string Apply(string format, object? values, Budget budget)
    {
        IReadOnlyList<object?> list =
            values is SequenceValue { Kind: SequenceKind.Tuple } tuple ? tuple.Items : [values];
        BoundedText text = new(budget);
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            i++;
            object? named = ReadName(format, ref i, values);
            NumberFormat spec = ReadSpec(format, ref i);
            if (spec.Kind == '%')
            {
                text.Append('%');
                continue;
            }
            object? value = named != Arguments.Missing ? named : next < list.Count
                ? list[next++]
                : throw new EvaluationException("not enough arguments for format string");
            text.Append(Format(spec, value, budget));
        }
        bool mayStayUnused = values is DictValue or Undefined or SequenceValue { Kind: not SequenceKind.Tuple };
        if (next < list.Count && !mayStayUnused)
            throw new EvaluationException("not all arguments converted during string formatting");
        return text.ToString();
    }

    private static object? ReadName(string format, ref int i, object? values)
    {
        if (i >= format.Length || format[i] != '(')
            return Arguments.Missing;
        int close = format.IndexOf(')', i);
        if (close < 0 || values is not DictValue dict)
            throw new EvaluationException("format requires a mapping");
        string name = format[(i + 1)..close];
        i = close + 1;
        return dict.TryGet(name, out object? value)
            ? value
            : throw new EvaluationException($"a format asks for the key '{name}', which is not there");
    }

    private static NumberFormat ReadSpec(string format, ref int i)
    {
        int start = i;
        while (i < format.Length && format[i] is '-' or '+' or ' ' or '0' or '#')
            i++;
        string flags = format[start..i];
        int width = ReadNumber(format, ref i) ?? 0;
        int? precision = null;
        if (i < format.Length && format[i] == '.')
        {
            i++;
            precision = ReadNumber(format, ref i) ?? 0;
        }
        if (i >= format.Length)
            throw new EvaluationException("incomplete format");
        bool zeros = flags.Contains('0') && !flags.Contains('-');
        return new(format[i], width, precision)
        {
            Align = flags.Contains('-') ? '<' : zeros ? '=' : '>',
            Fill = zeros ? '0' : ' ',
            Sign = flags.Contains('+') ? '+' : flags.Contains(' ') ? ' ' : '\0',
        };
    }

    /// <summary>Digits from a place on; a number too long to mean anything becomes a large one.</summary>
    public static int? ReadNumber(string format, ref int i)
    {
        int start = i;
        while (i < format.Length && char.IsAsciiDigit(format[i]))
            i++;
        if (i == start)
            return null;
        return int.TryParse(format.AsSpan(start, i - start), out int number) ? number : int.MaxValue;
    }

    private static string Format(NumberFormat spec, object? value, Budget budget) => spec.Kind switch
    {
        's' => (spec with { Fill = ' ' }).ApplyToText(PythonText.Str(value, budget)),
        'r' => (spec with { Fill = ' ' }).ApplyToText(PythonText.Repr(value, budget)),
        'd' or 'i' or 'u' or 'f' or 'F' or 'e' or 'E' or 'x' or 'X' or 'o' => spec.Apply(value),
        _ => throw new EvaluationException($"the format '%{spec.Kind}' is not supported"),
    };
}
