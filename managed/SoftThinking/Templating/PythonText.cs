using System.Globalization;
using System.Numerics;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>str(), repr() and ascii().</summary>
internal static class PythonText
{
    /// <summary>str(), which is also what printing does; undefined prints as nothing.</summary>
    public static string Str(object? value, Budget budget)
    {
        switch (value)
        {
            case string text:
                return text;
            case SafeText safe:
                return safe.Text;
            case Undefined:
                return "";
            default:
                BoundedText result = new(budget);
                AppendRepr(result, value, budget);
                return result.ToString();
        }
    }

    public static string Repr(object? value, Budget budget)
    {
        BoundedText result = new(budget);
        AppendRepr(result, value, budget);
        return result.ToString();
    }

    /// <summary>ascii(): repr() with escapes for everything beyond ASCII.</summary>
    public static string AsciiRepr(object? value, Budget budget)
    {
        BoundedText result = new(budget);
        foreach (Rune rune in Repr(value, budget).EnumerateRunes())
            result.Append(rune.IsAscii ? rune.ToString() : Escape(rune.Value));
        return result.ToString();
    }

    private static void AppendRepr(BoundedText result, object? value, Budget budget)
    {
        budget.Charge(1);
        switch (value)
        {
            case string text:
                AppendQuoted(result, text);
                break;
            case SafeText safe:
                result.Append("Markup(");
                AppendQuoted(result, safe.Text);
                result.Append(')');
                break;
            case SequenceValue sequence:
                AppendSequence(result, sequence, budget);
                break;
            case DictValue dict:
                AppendDict(result, dict.Entries, budget);
                break;
            case NamespaceValue space:
                result.Append("<Namespace ");
                AppendDict(result, Globals.ToDict(space.Attributes).Entries, budget);
                result.Append('>');
                break;
            default:
                result.Append(Scalar(value));
                break;
        }
    }

    private static string Scalar(object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        BigInteger number => number.ToString(CultureInfo.InvariantCulture),
        double number => FloatText.Repr(number),
        Undefined => "Undefined",
        Macro macro => $"<Macro '{macro.Name}'>",
        Callable callable => $"<{Python.TypeName(value)} {callable.Name}>",
        _ => $"<{Python.TypeName(value)} object>",
    };

    private static void AppendSequence(BoundedText result, SequenceValue sequence, Budget budget)
    {
        if (sequence.Kind == SequenceKind.Range)
        {
            result.Append(RangeText(sequence.Items));
            return;
        }
        (string open, string close) = sequence.Kind switch
        {
            SequenceKind.List => ("[", "]"),
            SequenceKind.Tuple => ("(", sequence.Count == 1 ? ",)" : ")"),
            _ => (sequence.TypeName + "([", "])"),
        };
        result.Append(open);
        for (int i = 0; i < sequence.Count; i++)
        {
            if (i > 0)
                result.Append(", ");
            AppendRepr(result, sequence.Items[i], budget);
        }
        result.Append(close);
    }

    // The original bounds are not kept; these describe the same numbers.
    private static string RangeText(IReadOnlyList<object?> items)
    {
        if (items.Count == 0)
            return "range(0, 0)";
        long first = (long)items[0]!;
        long step = items.Count > 1 ? (long)items[1]! - first : 1;
        long stop = (long)items[^1]! + step;
        return step == 1
            ? string.Create(CultureInfo.InvariantCulture, $"range({first}, {stop})")
            : string.Create(CultureInfo.InvariantCulture, $"range({first}, {stop}, {step})");
    }

    private static void AppendDict(
        BoundedText result, IReadOnlyList<KeyValuePair<object?, object?>> entries, Budget budget)
    {
        result.Append('{');
        for (int i = 0; i < entries.Count; i++)
        {
            if (i > 0)
                result.Append(", ");
            AppendRepr(result, entries[i].Key, budget);
            result.Append(": ");
            AppendRepr(result, entries[i].Value, budget);
        }
        result.Append('}');
    }

    private static void AppendQuoted(BoundedText result, string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        result.Append(quote);
        for (int at = 0; at < text.Length;)
        {
            if (Rune.TryGetRuneAt(text, at, out Rune rune))
                AppendRune(result, rune, quote);
            else
                result.Append($"\\u{(int)text[at]:x4}");
            at += rune.Value == 0 ? 1 : rune.Utf16SequenceLength;
        }
        result.Append(quote);
    }

    private static void AppendRune(BoundedText result, Rune rune, char quote)
    {
        int code = rune.Value;
        if (code == quote || code == '\\')
            result.Append($"\\{(char)code}");
        else if (code is '\n' or '\r' or '\t')
            result.Append(code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t");
        else if (IsPrintable(rune))
            result.Append(rune.ToString());
        else
            result.Append(Escape(code));
    }

    private static string Escape(int code) =>
        code <= 0xFF ? $"\\x{code:x2}" : code <= 0xFFFF ? $"\\u{code:x4}" : $"\\U{code:x8}";

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
