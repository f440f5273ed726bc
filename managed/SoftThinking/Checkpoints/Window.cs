namespace SoftThinking.Checkpoints;

/// <summary>Consecutive rows, columns or elements of a tensor.</summary>
/// <param name="Total">Of the whole tensor.</param>
internal readonly record struct Window(int First, int Count, int Total)
{
    public static Window All(int total) => new(0, total, total);

    public static Window Between(int first, int end, int total) => new(first, end - first, total);

    /// <summary>The same rows of a tensor in which this one begins at row <paramref name="at"/>.</summary>
    public Window Within(int at, int total) => new(at + First, Count, total);

    /// <summary>The same of items that have <paramref name="size"/> elements each.</summary>
    public Window Times(int size) => new(First * size, Count * size, Total * size);
}
