using System.Globalization;

namespace SoftThinking.Templating;

/// <summary>str.format: <c>"{} {name[key]!r:>8}".format(…)</c>.</summary>
internal sealed class FormatMethod
{
    private readonly CallArguments _arguments;
    private readonly Budget _budget;
    private int _next;
    private bool _isManual;

    private FormatMethod(CallArguments arguments, Budget budget) => (_arguments, _budget) = (arguments, budget);

    public static string Apply(string format, CallArguments arguments, Budget budget) =>
        new FormatMethod(arguments, budget).Expand(format, nestingLeft: 1);

    /// <param name="format">A format string, or the part of a field after its colon.</param>
    /// <param name="nestingLeft">How deep fields may stand inside that part of fields.</param>
    private string Expand(string format, int nestingLeft)
    {
        BoundedText text = new(_budget);
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            bool doubled = i + 1 < format.Length && format[i + 1] == c;
            if (c is not ('{' or '}'))
            {
                text.Append(c);
            }
            else if (doubled)
            {
                text.Append(c);
                i++;
            }
            else
            {
                int close = c == '{' ? FindClose(format, i) : -1;
                if (close < 0)
                    throw new EvaluationException($"a single '{c}' in a format string");
                text.Append(Field(format[(i + 1)..close], nestingLeft));
                i = close;
            }
        }
        return text.ToString();
    }

    private static int FindClose(string format, int at)
    {
        int open = 0;
        for (; at < format.Length; at++)
        {
            open += format[at] switch { '{' => 1, '}' => -1, _ => 0 };
            if (open == 0)
                return at;
        }
        return -1;
    }

    private string Field(string field, int nestingLeft)
    {
        int colon = field.IndexOf(':');
        string spec = colon < 0 ? "" : field[(colon + 1)..];
        string name = colon < 0 ? field : field[..colon];
        char conversion = name.Length >= 2 && name[^2] == '!' ? name[^1] : '\0';
        if (conversion != '\0')
            name = name[..^2];
        object? value = Find(name);
        if (spec.Contains('{'))
        {
            if (nestingLeft == 0)
                throw new EvaluationException("Max string recursion exceeded");
            spec = Expand(spec, nestingLeft - 1);
        }
        value = conversion switch
        {
            '\0' => value,
            's' => PythonText.Str(value, _budget),
            'r' => PythonText.Repr(value, _budget),
            'a' => PythonText.AsciiRepr(value, _budget),
            _ => throw new EvaluationException($"Unknown conversion specifier '{conversion}'"),
        };
        return ValueFormat.Apply(value, spec, _budget);
    }

    private object? Find(string name)
    {
        int end = name.AsSpan().IndexOfAny('.', '[');
        string first = end < 0 ? name : name[..end];
        object? value;
        if (first.Length == 0 || first.All(char.IsAsciiDigit))
        {
            int index = Place(first);
            if (index >= _arguments.Positional.Length)
                throw new EvaluationException($"a format string needs argument {index}, which does not exist");
            value = _arguments.Positional[index];
        }
        else
        {
            int place = _arguments.Keywords.ToList().FindIndex(k => k.Key == first);
            value = place >= 0
                ? _arguments.Keywords[place].Value
                : throw new EvaluationException($"a format string needs the argument '{first}', which does not exist");
        }
        return end < 0 ? value : Follow(value, name[end..]);
    }

    /// <summary>Fields are counted either all by hand or all in order.</summary>
    private int Place(string number)
    {
        bool isManual = number.Length > 0;
        if (isManual ? _next > 0 : _isManual)
            throw new EvaluationException("numbered and unnumbered fields are mixed in a format string");
        _isManual = isManual;
        if (!isManual)
            return _next++;
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int place)
            ? place
            : int.MaxValue;
    }

    private object? Follow(object? value, string path)
    {
        while (path.Length > 0)
        {
            bool isElement = path[0] == '[';
            int end = isElement ? path.IndexOf(']') : path.AsSpan(1).IndexOfAny('.', '[') + 1;
            if (end < 0)
                throw new EvaluationException("']' is missing in a format string");
            if (end == 0)
                end = path.Length;
            string part = path[1..end];
            value = !isElement ? Lookup.Attribute(value, part) : Lookup.Element(
                value,
                long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? index : part,
                _budget);
            path = path[(isElement ? end + 1 : end)..];
        }
        return value;
    }
}

/// <summary>format(): a value by what follows the colon of a field, as in <c>{:>8.2f}</c>.</summary>
internal static class ValueFormat
{
    public static string Apply(object? value, string spec, Budget budget)
    {
        if (spec.Length == 0)
            return PythonText.Str(value, budget);
        if (Text.Is(value, out string? text))
            return ApplyToText(text, spec);
        if (!Python.IsNumber(value))
            throw new EvaluationException(
                $"unsupported format string passed to {Python.TypeName(value)}.__format__");
        NumberFormat format = Read(spec, isText: false);
        if ((format.Group == ',' && format.Kind is 'n' or 'x' or 'X' or 'o' or 'b' or 'c')
            || (format.Group == '_' && format.Kind is 'n' or 'c'))
            throw new EvaluationException($"Cannot specify '{format.Group}' with '{format.Kind}'.");
        switch (format.Kind)
        {
            case 'f' or 'F' or 'e' or 'E' or 'g' or 'G' or '%':
            case 'n' or '\0' when value is double:
                return format.ApplyToFloat(Number.ToFiniteDouble(value!));
            case 'c' when value is not double:
                return (format with { Align = format.Align == '\0' ? '>' : format.Align })
                    .ApplyToText(Number.ToCharacter(value!));
            case 'd' or 'n' or 'x' or 'X' or 'o' or 'b' or '\0' when value is not double:
                if (format.NoNegativeZero)
                    throw new EvaluationException(
                        "Negative zero coercion (z) not allowed in integer format specifier");
                return format.Precision == null
                    ? format.ApplyToInteger(Number.ToInteger(value!))
                    : throw new EvaluationException("Precision not allowed in integer format specifier");
            default:
                throw Unknown(format.Kind, value);
        }
    }

    private static string ApplyToText(string text, string spec)
    {
        NumberFormat format = Read(spec, isText: true);
        if (format.Kind is not ('\0' or 's'))
            throw Unknown(format.Kind, text);
        if (format.Align == '=')
            throw new EvaluationException("'=' alignment not allowed in string format specifier");
        return format is { Sign: '\0', Alternate: false, Group: '\0', NoNegativeZero: false }
            ? format.ApplyToText(text)
            : throw new EvaluationException("the format of a text has a flag for numbers");
    }

    private static EvaluationException Unknown(char kind, object? value) =>
        new($"Unknown format code '{kind}' for object of type '{Python.TypeName(value)}'");

    private static NumberFormat Read(string spec, bool isText)
    {
        int i = 0;
        (string? fill, char align) = (null, '\0');
        int unit = char.IsSurrogatePair(spec, 0) ? 2 : 1;
        if (spec.Length > unit && spec[unit] is '<' or '>' or '^' or '=')
            (fill, align, i) = (spec[..unit], spec[unit], unit + 1);
        else if (spec[0] is '<' or '>' or '^' or '=')
            (align, i) = (spec[0], 1);
        char sign = i < spec.Length && spec[i] is '+' or '-' or ' ' ? spec[i++] : '\0';
        bool noNegativeZero = Skip('z');
        bool alternate = Skip('#');
        if (fill == null && i < spec.Length && spec[i] == '0')
        {
            fill = "0";
            align = align == '\0' && !isText ? '=' : align;
        }
        int width = PercentFormat.ReadNumber(spec, ref i) ?? 0;
        char group = i < spec.Length && spec[i] is ',' or '_' ? spec[i++] : '\0';
        int? precision = null;
        if (Skip('.'))
            precision = PercentFormat.ReadNumber(spec, ref i)
                ?? throw new EvaluationException("Format specifier missing precision");
        char kind = i < spec.Length ? spec[i++] : '\0';
        if (i < spec.Length)
            throw new EvaluationException($"the format '{spec}' is not supported");
        return new(kind, width, precision)
        {
            Fill = fill ?? " ",
            Align = align,
            Sign = sign,
            Alternate = alternate,
            Group = group,
            NoNegativeZero = noNegativeZero,
        };

        bool Skip(char flag)
        {
            bool found = i < spec.Length && spec[i] == flag;
            i += found ? 1 : 0;
            return found;
        }
    }
}
