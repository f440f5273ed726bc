using System.Globalization;

namespace SoftThinking.Templating;

/// <summary>str.format: <c>"{} {name[key]!r:>8}".format(…)</c>.</summary>
internal static class FormatMethod
{
    public static string Apply(string format, CallArguments arguments, Budget budget)
    {
        BoundedText text = new(budget);
        int next = 0;
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
                int close = c == '{' ? format.IndexOf('}', i) : -1;
                if (close < 0)
                    throw new EvaluationException($"a single '{c}' in a format string");
                text.Append(Field(format[(i + 1)..close], arguments, ref next, budget));
                i = close;
            }
        }
        return text.ToString();
    }

    private static string Field(string field, CallArguments arguments, ref int next, Budget budget)
    {
        if (field.Contains('{'))
            throw new EvaluationException("a format inside a format is not supported");
        int colon = field.IndexOf(':');
        string spec = colon < 0 ? "" : field[(colon + 1)..];
        string name = colon < 0 ? field : field[..colon];
        char conversion = name.Length >= 2 && name[^2] == '!' ? name[^1] : '\0';
        if (conversion != '\0')
            name = name[..^2];
        object? value = Find(name, arguments, ref next, budget);
        if (conversion is 'r' or 's')
            value = conversion == 'r' ? PythonText.Repr(value, budget) : PythonText.Str(value, budget);
        return Format(value, spec, budget);
    }

    private static object? Find(string name, CallArguments arguments, ref int next, Budget budget)
    {
        int end = name.AsSpan().IndexOfAny('.', '[');
        string first = end < 0 ? name : name[..end];
        object? value;
        if (first.Length == 0 || int.TryParse(first, out _))
        {
            int index = first.Length == 0 ? next++ : int.Parse(first, CultureInfo.InvariantCulture);
            if (index < 0 || index >= arguments.Positional.Length)
                throw new EvaluationException($"a format string asks for argument {index}, which is not there");
            value = arguments.Positional[index];
        }
        else
        {
            int place = arguments.Keywords.ToList().FindIndex(k => k.Key == first);
            value = place >= 0
                ? arguments.Keywords[place].Value
                : throw new EvaluationException($"a format string asks for '{first}', which is not there");
        }
        return end < 0 ? value : Follow(value, name[end..], budget);
    }

    private static object? Follow(object? value, string path, Budget budget)
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
            value = !isElement ? Lookup.Attribute(value, part)
                : Lookup.Element(value, long.TryParse(part, out long index) ? index : part, budget);
            path = path[(isElement ? end + 1 : end)..];
        }
        return value;
    }

    private static string Format(object? value, string spec, Budget budget)
    {
        if (spec.Length == 0)
            return PythonText.Str(value, budget);
        NumberFormat format = Read(spec);
        bool isText = Text.Is(value, out string? text);
        if (isText || !Python.IsNumber(value) || (value is bool && format.Kind == '\0'))
            return format.Kind is '\0' or 's'
                ? format.ApplyToText(text ?? PythonText.Str(value, budget))
                : throw new EvaluationException($"unknown format code '{format.Kind}' for {Python.TypeName(value)}");
        return format.Apply(value);
    }

    private static NumberFormat Read(string spec)
    {
        int i = 0;
        (char fill, char align) = (' ', '\0');
        if (spec.Length > 1 && spec[1] is '<' or '>' or '^' or '=')
            (fill, align, i) = (spec[0], spec[1], 2);
        else if (spec[0] is '<' or '>' or '^' or '=')
            (align, i) = (spec[0], 1);
        char sign = i < spec.Length && spec[i] is '+' or '-' or ' ' ? spec[i++] : '\0';
        if (i < spec.Length && spec[i] == '0' && align == '\0')
            (fill, align) = ('0', '=');
        int width = PercentFormat.ReadNumber(spec, ref i) ?? 0;
        bool thousands = i < spec.Length && spec[i] == ',';
        i += thousands ? 1 : 0;
        int? precision = null;
        if (i < spec.Length && spec[i] == '.')
        {
            i++;
            precision = PercentFormat.ReadNumber(spec, ref i);
        }
        char kind = i < spec.Length ? spec[i++] : '\0';
        if (i < spec.Length)
            throw new EvaluationException($"the format '{spec}' is not supported");
        return new(kind, width, precision)
        {
            Fill = fill,
            Align = align,
            Sign = sign == '-' ? '\0' : sign,
            Thousands = thousands,
        };
    }
}
