using System.Runtime.CompilerServices;

namespace SoftThinking;

/// <summary>Checks of option values; the message names the option and its range.</summary>
internal static class OptionRange
{
    public static T Check<T>(T value, T least, T most, string range, [CallerMemberName] string option = "")
        where T : IComparable<T>
    {
        // NaN compares below everything, so it is refused with what is too small.
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            throw Error(value, range, option);
        return value;
    }

    /// <summary>A copy of a list that has at most <paramref name="most"/> entries, all valid.</summary>
    public static IReadOnlyList<T> CheckAll<T>(
        IReadOnlyList<T> values, int most, Func<T, bool> good, string range, [CallerMemberName] string option = "")
    {
        ArgumentNullException.ThrowIfNull(values, option);
        T[] copy = [.. values];
        if (copy.Length > most || !copy.All(good))
            throw new ArgumentOutOfRangeException(option, FormattableString.Invariant($"{option} must be at most {most}, {range}"));
        return copy;
    }

    /// <summary>The value, which must not be null.</summary>
    public static T NotNull<T>(T value, [CallerMemberName] string option = "")
        where T : class
    {
        ArgumentNullException.ThrowIfNull(value, option);
        return value;
    }

    /// <summary>The text, which may be null but not empty.</summary>
    public static string? NotEmpty(string? value, [CallerMemberName] string option = "") =>
        value != "" ? value : throw new ArgumentOutOfRangeException(option, $"{option} must not be empty");

    public static ArgumentOutOfRangeException Error<T>(T value, string range, [CallerMemberName] string option = "") =>
        new(option, FormattableString.Invariant($"{option} must be {range}, not {value}"));
}
