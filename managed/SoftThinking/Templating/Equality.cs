namespace SoftThinking.Templating;

/// <summary>The operators ==, &lt; and in.</summary>
internal static class Equality
{
    public static bool AreEqual(object? left, object? right, Budget budget)
    {
        budget.Charge(1);
        if (Text.Is(left, out string? text) && Text.Is(right, out string? other))
        {
            budget.ChargeText(Math.Min(text.Length, other.Length));
            return text == other;
        }
        if (Python.IsNumber(left) && Python.IsNumber(right))
            return Number.Compare(left!, right!) == 0;
        return (left, right) switch
        {
            (null, null) or (Undefined, Undefined) => true,
            (SequenceValue a, SequenceValue b) => a.Kind == b.Kind && AreEqual(a.Items, b.Items, budget),
            (DictValue a, DictValue b) => AreEqual(a, b, budget),
            _ => ReferenceEquals(left, right),
        };
    }

    private static bool AreEqual(IReadOnlyList<object?> left, IReadOnlyList<object?> right, Budget budget)
    {
        if (left.Count != right.Count)
            return false;
        for (int i = 0; i < left.Count; i++)
        {
            if (!AreEqual(left[i], right[i], budget))
                return false;
        }
        return true;
    }

    private static bool AreEqual(DictValue left, DictValue right, Budget budget)
    {
        if (left.Count != right.Count)
            return false;
        foreach ((object? key, object? value) in left.Entries)
        {
            if (!right.TryGet(key, out object? other) || !AreEqual(value, other, budget))
                return false;
        }
        return true;
    }

    /// <summary>Order of two values: negative, 0, positive; null for two floats without order.</summary>
    /// <exception cref="EvaluationException">The types have no order.</exception>
    public static int? Compare(object? left, object? right, string sign, Budget budget)
    {
        budget.Charge(1);
        if (Text.Is(left, out string? text) && Text.Is(right, out string? other))
        {
            budget.ChargeText(Math.Min(text.Length, other.Length));
            return CompareCodePoints(text, other);
        }
        if (Python.IsNumber(left) && Python.IsNumber(right))
            return Number.Compare(left!, right!);
        if (left is SequenceValue a && right is SequenceValue b && a.Kind == b.Kind
            && a.Kind is SequenceKind.List or SequenceKind.Tuple)
            return Compare(a.Items, b.Items, sign, budget);
        if ((left as Undefined ?? right as Undefined) is Undefined undefined)
            throw undefined.Error();
        throw new EvaluationException(
            $"'{sign}' not supported between instances of '{Python.TypeName(left)}' and '{Python.TypeName(right)}'");
    }

    private static int? Compare(IReadOnlyList<object?> left, IReadOnlyList<object?> right, string sign, Budget budget)
    {
        for (int i = 0; i < Math.Min(left.Count, right.Count); i++)
        {
            if (!AreEqual(left[i], right[i], budget))
                return Compare(left[i], right[i], sign, budget);
        }
        return left.Count.CompareTo(right.Count);
    }

    // UTF-16 order differs from the order of code points where surrogates meet U+E000 and above.
    private static int CompareCodePoints(string left, string right)
    {
        int at = left.AsSpan().CommonPrefixLength(right);
        if (at == left.Length || at == right.Length)
            return left.Length.CompareTo(right.Length);
        bool leftIsHigh = char.IsSurrogate(left[at]);
        return leftIsHigh == char.IsSurrogate(right[at]) ? left[at].CompareTo(right[at]) : leftIsHigh ? 1 : -1;
    }

    /// <summary><c>item in container</c>.</summary>
    public static bool Contains(object? container, object? item, Budget budget)
    {
        switch (container)
        {
            case string or SafeText:
                Text.Is(container, out string? text);
                if (!Text.Is(item, out string? part))
                    throw new EvaluationException(
                        $"'in <string>' requires string as left operand, not {Python.TypeName(item)}");
                budget.ChargeText(text!.Length);
                return Python.Find(text, part) >= 0;
            case DictValue dict:
                budget.ChargeKey(item);
                return dict.TryGet(item, out _);
            case SequenceValue or GeneratorValue or Undefined:
                return Python.Iterate(container, budget).Any(i => AreEqual(i, item, budget));
            default:
                throw new EvaluationException($"argument of type '{Python.TypeName(container)}' is not iterable");
        }
    }
}
