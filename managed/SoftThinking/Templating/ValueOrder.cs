namespace SoftThinking.Templating;

/// <summary>Sorting by &lt;.</summary>
internal static class ValueOrder
{
    /// <summary>A merge sort: stable in both directions, as Python's is. The framework's sort wraps errors of the
    /// comparison and may reject values such as nan.</summary>
    public static object?[] Sort(
        IReadOnlyList<object?> items, Func<object?, object?> key, bool reverse, Budget budget)
    {
        var source = items.Select(item => (Key: key(item), Item: item)).ToArray();
        var target = new (object? Key, object? Item)[source.Length];
        for (long width = 1; width < source.Length; width *= 2)
        {
            for (long start = 0; start < source.Length; start += 2 * width)
            {
                int middle = (int)Math.Min(start + width, source.Length);
                int end = (int)Math.Min(start + 2 * width, source.Length);
                Merge(source, target, (int)start, middle, end, reverse, budget);
            }
            (source, target) = (target, source);
        }
        return [.. source.Select(s => s.Item)];
    }

    private static void Merge(
        (object? Key, object? Item)[] source, (object? Key, object? Item)[] target, int start, int middle, int end,
        bool reverse, Budget budget)
    {
        (int left, int right) = (start, middle);
        for (int i = start; i < end; i++)
        {
            bool takesRight = left == middle || (right < end && Precedes(source[right].Key, source[left].Key));
            target[i] = source[takesRight ? right++ : left++];
        }

        bool Precedes(object? a, object? b) => reverse
            ? Equality.Compare(b, a, "<", budget) < 0
            : Equality.Compare(a, b, "<", budget) < 0;
    }
}
