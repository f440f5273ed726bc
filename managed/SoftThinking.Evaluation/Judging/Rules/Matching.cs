namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Comparison of collections without order.</summary>
internal static class Matching
{
    /// <summary>More items than this are not matched: the work grows with the square.</summary>
    public const int MaxItems = 200;

    /// <summary>Whether each item of one collection has a partner of its own in the other.</summary>
    public static bool Equal<T>(IReadOnlyList<T> a, IReadOnlyList<T> b, Func<T, T, bool> equal)
    {
        if (a.Count != b.Count)
            return false;
        if (a.Count > MaxItems)
            throw new BudgetException();
        List<T> rest = b.ToList();
        foreach (T? item in a)
        {
            int match = rest.FindIndex(other => equal(item, other));
            if (match < 0)
                return false;
            rest.RemoveAt(match);
        }
        return true;
    }

    /// <summary>The items without those that equal an earlier one.</summary>
    public static List<T> Distinct<T>(IReadOnlyList<T> items, Func<T, T, bool> equal)
    {
        if (items.Count > MaxItems)
            throw new BudgetException();
        List<T> distinct = [];
        foreach (T? item in items)
        {
            if (!distinct.Exists(other => equal(item, other)))
                distinct.Add(item);
        }
        return distinct;
    }
}
