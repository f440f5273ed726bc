using System.Globalization;
using System.Numerics;

namespace SoftThinking.Templating;

/// <summary>The filter tojson: json.dumps, without the escaping for HTML.</summary>
internal sealed class JsonText
{
    private readonly Budget _budget;
    private readonly BoundedText _text;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;
    private readonly bool _asciiOnly;
    private readonly bool _sortKeys;

    private JsonText(Arguments arguments, Budget budget)
    {
        (_budget, _text) = (budget, new(budget));
        _asciiOnly = arguments.Flag(0, false);
        if (arguments.HasValue(1))
            _indent = Text.Is(arguments[1], out string? indent)
                ? indent
                : Python.Repeat(" ", arguments.Integer(1, 0), budget);
        (_itemSeparator, _keySeparator) = (_indent == null ? ", " : ",", ": ");
        if (arguments.HasValue(2))
        {
            IReadOnlyList<object?> pair = Python.Iterate(arguments[2], budget);
            if (pair.Count != 2 || !Text.Is(pair[0], out string? item) || !Text.Is(pair[1], out string? key))
                throw new EvaluationException("separators of tojson must be two texts");
            (_itemSeparator, _keySeparator) = (item, key);
        }
        _sortKeys = arguments.Flag(3, false);
    }

    /// <summary>Parameters in order: ensure_ascii, indent, separators, sort_keys.</summary>
    public static object? Write(Interpreter run, object? value, Arguments arguments)
    {
        JsonText json = new(arguments, run.Budget);
        json.Append(value, 0);
        return json._text.ToString();
    }

    private void Append(object? value, int depth)
    {
        _budget.Charge(1);
        switch (value)
        {
            case string or SafeText:
                Text.Is(value, out string? text);
                AppendString(text!);
                break;
            case SequenceValue { Kind: SequenceKind.List or SequenceKind.Tuple } list:
                AppendList(list, depth);
                break;
            case DictValue dict:
                AppendDict(dict, depth);
                break;
            default:
                _text.Append(Scalar(value) ?? throw new EvaluationException(
                    $"Object of type {Python.TypeName(value)} is not JSON serializable"));
                break;
        }
    }

    private static string? Scalar(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        long number => number.ToString(CultureInfo.InvariantCulture),
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        double number when double.IsFinite(number) => FloatText.Repr(number),
        double number => double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity",
        _ => null,
    };

    private void AppendList(SequenceValue list, int depth)
    {
        _text.Append('[');
        for (int i = 0; i < list.Count; i++)
        {
            BeginItem(i, depth + 1);
            Append(list.Items[i], depth + 1);
        }
        if (list.Count > 0)
            BreakLine(depth);
        _text.Append(']');
    }

    private void AppendDict(DictValue dict, int depth)
    {
        IReadOnlyList<object?> keys = dict.Keys;
        if (_sortKeys)
            keys = ValueOrder.Sort(keys, k => k, reverse: false, _budget);
        _text.Append('{');
        int index = 0;
        foreach (object? key in keys)
        {
            dict.TryGet(key, out object? value);
            BeginItem(index++, depth + 1);
            AppendString(key as string ?? Scalar(key) ?? throw new EvaluationException("keys must be text or numbers"));
            _text.Append(_keySeparator);
            Append(value, depth + 1);
        }
        if (index > 0)
            BreakLine(depth);
        _text.Append('}');
    }

    private void BeginItem(int index, int depth)
    {
        if (index > 0)
            _text.Append(_itemSeparator);
        BreakLine(depth);
    }

    private void BreakLine(int depth)
    {
        if (_indent == null)
            return;
        _text.Append('\n');
        for (int i = 0; i < depth; i++)
            _text.Append(_indent);
    }

    private void AppendString(string text)
    {
        _budget.ChargeText(text.Length);
        _text.Append('"');
        int copied = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (Escape(text[i]) is not string escape)
                continue;
            _text.Append(text[copied..i]);
            _text.Append(escape);
            copied = i + 1;
        }
        _text.Append(text[copied..]);
        _text.Append('"');
    }

    private string? Escape(char c) => c switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\f' => "\\f",
        '\b' => "\\b",
        < ' ' => $"\\u{(int)c:x4}",
        > '~' when _asciiOnly => $"\\u{(int)c:x4}",
        _ => null,
    };
}
