namespace SoftThinking.Templating;

/// <summary>value.name, value[index] and value[a:b:c].</summary>
internal static class Lookup
{
    /// <summary><c>value.name</c>: a method or attribute of the type first, then an element of that name.</summary>
    public static object? Attribute(object? value, string name)
    {
        if (TryAttribute(value, name, out object? found))
            return found;
        if (value is DictValue dict && dict.TryGet(name, out found))
            return found;
        return new Undefined($"'{Describe(value)}' has no attribute '{name}'");
    }

    /// <summary><c>value[index]</c>: an element first, then an attribute of that name.</summary>
    public static object? Element(object? value, object? index, Budget budget)
    {
        budget.ChargeKey(index);
        switch (value)
        {
            case Undefined undefined:
                throw undefined.Error();
            case DictValue dict when index is not (SequenceValue or DictValue) && dict.TryGet(index, out object? found):
                return found;
            case SequenceValue { IsIndexable: true } sequence when ToIndex(index, sequence.Count) is int at:
                return sequence.Items[at];
            case string or SafeText when index is long or bool:
                Text.Is(value, out string? text);
                budget.ChargeText(text!.Length);
                if (ToIndex(index, Python.CodePointCount(text)) is int place)
                {
                    int unit = Python.UnitOf(text, place);
                    return text.Substring(unit, char.IsSurrogatePair(text, unit) ? 2 : 1);
                }
                break;
        }
        if (!Text.Is(index, out string? name))
            return new Undefined($"{Describe(value)} has no element {PythonText.Repr(index, budget)}");
        return TryAttribute(value, name, out object? attribute)
            ? attribute
            : new Undefined($"'{Describe(value)}' has no attribute '{name}'");
    }

    public static bool TryAttribute(object? value, string name, out object? found)
    {
        found = null;
        switch (value)
        {
            case Undefined undefined:
                // Python itself looks up names such as __html__; an undefined value does not have them.
                return name.StartsWith("__", StringComparison.Ordinal) ? false : throw undefined.Error();
            case NamespaceValue space:
                return space.Attributes.TryGetValue(name, out found);
            case SequenceValue { IsGroup: true } group when name is "grouper" or "list":
                found = group.Items[name == "grouper" ? 0 : 1];
                return true;
            case LoopValue loop:
                return loop.TryAttribute(name, out found);
            case Macro macro:
                found = name switch
                {
                    "name" => macro.Name,
                    "arguments" => macro.ParameterNames,
                    _ => null,
                };
                return found != null;
            default:
                if (Methods.Find(value, name) is not Builtin method)
                    return Methods.TryUnavailable(value, name, out found);
                found = new BoundMethod(method, value);
                return true;
        }
    }

    private static int? ToIndex(object? index, int count)
    {
        long? at = index switch { long number => number, bool flag => flag ? 1 : 0, _ => null };
        if (at < 0)
            at += count;
        return at >= 0 && at < count ? (int)at : null;
    }

    public static object? Slice(object? value, object? start, object? stop, object? step, Budget budget)
    {
        if (value is Undefined undefined)
            throw undefined.Error();
        long stride = Bound(step) ?? 1;
        if (stride == 0)
            throw new EvaluationException("slice step cannot be zero");
        if (Text.Is(value, out string? text))
            return SliceText(text, Bound(start), Bound(stop), stride, budget);
        if (value is not SequenceValue { IsIndexable: true } sequence)
            throw new EvaluationException($"'{Python.TypeName(value)}' object cannot be sliced");
        IReadOnlyList<object?> items = sequence.Items;
        List<object?> taken = [.. Indices(items.Count, Bound(start), Bound(stop), stride).Select(i => items[i])];
        budget.ChargeElements(taken.Count);
        return new SequenceValue(taken, sequence.Kind);
    }

    private static string SliceText(string text, long? start, long? stop, long step, Budget budget)
    {
        budget.ChargeText(text.Length);
        int length = Python.CodePointCount(text);
        if (step != 1)
        {
            IReadOnlyList<object?> characters = Python.Iterate(text, budget);
            return string.Concat(Indices(length, start, stop, step).Select(i => (string)characters[i]!));
        }
        (long from, long to) = (Clamp(start ?? 0, length, 0, length), Clamp(stop ?? length, length, 0, length));
        return from >= to ? "" : text[Python.UnitOf(text, from)..Python.UnitOf(text, to)];
    }

    private static IEnumerable<int> Indices(int count, long? start, long? stop, long step)
    {
        (int low, int high) = step > 0 ? (0, count) : (-1, count - 1);
        long from = start is long s ? Clamp(s, count, low, high) : step > 0 ? low : high;
        long to = stop is long e ? Clamp(e, count, low, high) : step > 0 ? high : low;
        step = Math.Clamp(step, -count - 1, count + 1);
        for (long i = from; step > 0 ? i < to : i > to; i += step)
            yield return (int)i;
    }

    private static long Clamp(long bound, int count, int low, int high) =>
        Math.Clamp(bound < 0 ? bound + count : bound, low, high);

    private static long? Bound(object? value) => value switch
    {
        null => null,
        long number => number,
        bool flag => flag ? 1 : 0,
        Undefined undefined => throw undefined.Error(),
        _ => throw new EvaluationException("slice indices must be integers or none"),
    };

    private static string Describe(object? value) => value == null ? "None" : $"{Python.TypeName(value)} object";
}
