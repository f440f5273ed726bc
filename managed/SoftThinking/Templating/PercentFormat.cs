using System.Numerics;

namespace SoftThinking.Templating;

/// <summary>The operator <c>%</c> of text: <c>"%s: %d" % (name, count)</c>.</summary>
internal static class PercentFormat
{
    /// <summary>The values that a format takes one after the other.</summary>
    private sealed class Values(object? given)
    {
        private readonly IReadOnlyList<object?> _list =
            given is SequenceValue { Kind: SequenceKind.Tuple } tuple ? tuple.Items : [given];

        private int _next;

        public DictValue? Mapping => given as DictValue;

        public object? Next() => _next < _list.Count
            ? _list[_next++]
            : throw new EvaluationException("not enough arguments for format string");

        /// <exception cref="EvaluationException">A value is left over. What has keys or elements may be.</exception>
        public void CheckAllUsed()
        {
            bool mayStayUnused = given is DictValue or Undefined or SequenceValue { Kind: not SequenceKind.Tuple };
            if (_next < _list.Count && !mayStayUnused)
                throw new EvaluationException("not all arguments converted during string formatting");
        }
    }

    public static string Apply(string format, object? given, Budget budget)
    {
        Values values = new(given);
        BoundedText text = new(budget);
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            i++;
            object? named = ReadName(format, ref i, values.Mapping);
            NumberFormat spec = ReadSpec(format, ref i, values);
            text.Append(spec.Kind == '%'
                ? "%"
                : Format(spec, ReferenceEquals(named, Arguments.Missing) ? values.Next() : named, budget));
        }
        values.CheckAllUsed();
        return text.ToString();
    }

    private static object? ReadName(string format, ref int i, DictValue? values)
    {
        if (i >= format.Length || format[i] != '(')
            return Arguments.Missing;
        if (values == null)
            throw new EvaluationException("format requires a mapping");
        int start = i + 1;
        int open = 1;
        for (i++; i < format.Length && open > 0; i++)
            open += format[i] switch { '(' => 1, ')' => -1, _ => 0 };
        if (open > 0)
            throw new EvaluationException("incomplete format key");
        string name = format[start..(i - 1)];
        return values.TryGet(name, out object? value)
            ? value
            : throw new EvaluationException($"a format needs the key '{name}', which does not exist");
    }

    private static NumberFormat ReadSpec(string format, ref int i, Values values)
    {
        int start = i;
        while (i < format.Length && format[i] is '-' or '+' or ' ' or '0' or '#')
            i++;
        string flags = format[start..i];
        int width = ReadSize(format, ref i, values) ?? 0;
        bool alignsLeft = flags.Contains('-') || width < 0;
        int? precision = null;
        if (i < format.Length && format[i] == '.')
        {
            i++;
            precision = Math.Max(ReadSize(format, ref i, values) ?? 0, 0);
        }
        if (i < format.Length && format[i] is 'h' or 'l' or 'L')
            i++;
        if (i >= format.Length)
            throw new EvaluationException("incomplete format");
        bool zeros = flags.Contains('0') && !alignsLeft;
        return new(format[i], Math.Abs(width), precision)
        {
            Align = alignsLeft ? '<' : zeros ? '=' : '>',
            Fill = zeros ? "0" : " ",
            Sign = flags.Contains('+') ? '+' : flags.Contains(' ') ? ' ' : '\0',
            Alternate = flags.Contains('#'),
        };
    }

    private static int? ReadSize(string format, ref int i, Values values)
    {
        if (i >= format.Length || format[i] != '*')
            return ReadNumber(format, ref i);
        i++;
        return values.Next() switch
        {
            long size => (int)Math.Clamp(size, -int.MaxValue, int.MaxValue),
            bool flag => flag ? 1 : 0,
            _ => throw new EvaluationException("* wants int"),
        };
    }

    /// <summary>Digits from a place on; a number beyond every limit becomes a large one.</summary>
    public static int? ReadNumber(string format, ref int i)
    {
        int start = i;
        while (i < format.Length && char.IsAsciiDigit(format[i]))
            i++;
        if (i == start)
            return null;
        return int.TryParse(format.AsSpan(start, i - start), out int number) ? number : int.MaxValue;
    }

    private static string Format(NumberFormat spec, object? value, Budget budget)
    {
        switch (spec.Kind)
        {
            case 's':
                return AsText(PythonText.Str(value, budget));
            case 'r':
                return AsText(PythonText.Repr(value, budget));
            case 'a':
                return AsText(PythonText.AsciiRepr(value, budget));
            case 'c':
                return AsText(Character(value), precision: false);
            case 'd' or 'i' or 'u':
                return spec.ApplyToInteger(ToInteger(value, spec.Kind, truncates: true));
            case 'x' or 'X' or 'o':
                return spec.ApplyToInteger(ToInteger(value, spec.Kind, truncates: false));
            case 'f' or 'F' or 'e' or 'E' or 'g' or 'G':
                return Python.IsNumber(value)
                    ? spec.ApplyToFloat(Number.ToFiniteDouble(value!))
                    : throw UndefinedError(value) ?? new EvaluationException(
                        $"must be real number, not {Python.TypeName(value)}");
            default:
                throw new EvaluationException($"unsupported format character '{spec.Kind}'");
        }

        string AsText(string text, bool precision = true) =>
            (spec with { Fill = " ", Precision = precision ? spec.Precision : null }).ApplyToText(text);
    }

    private static BigInteger ToInteger(object? value, char kind, bool truncates) => value switch
    {
        double number when truncates => Number.Truncate(number),
        double => throw new EvaluationException($"%{kind} format: an integer is required, not float"),
        _ when Python.IsNumber(value) => Number.ToInteger(value!),
        _ => throw UndefinedError(value) ?? new EvaluationException(
            $"%{kind} format: {(truncates ? "a real number" : "an integer")} is required, not {Python.TypeName(value)}"),
    };

    private static string Character(object? value)
    {
        if (Python.IsNumber(value) && value is not double)
            return Number.ToCharacter(value!);
        return Text.Is(value, out string? text) && Python.CodePointCount(text) == 1
            ? text
            : throw new EvaluationException("%c requires int or char");
    }

    private static EvaluationException? UndefinedError(object? value) => (value as Undefined)?.Error();
}
