using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>
/// What comparisons allow a reader to conclude, in plain sentences. That no difference can be seen is a conclusion, too.
/// </summary>
public static class Conclusions
{
    private const int FewItems = 30;

    /// <summary>The answer to a reader's first question: which setting is more accurate, and which is shorter. Null for no comparison.</summary>
    public static string? Overall(IReadOnlyList<Comparison> comparisons)
    {
        if (comparisons.Count == 0)
            return null;
        IReadOnlyList<Comparison> distinct = Distinct(comparisons);
        return distinct.Count == 0 ? "All settings produced the same samples." : MoreAccurate(distinct) + Shortest(distinct);
    }

    /// <summary>The comparisons without those of a setting whose samples are the same as an earlier setting's.</summary>
    public static IReadOnlyList<Comparison> Distinct(IReadOnlyList<Comparison> comparisons)
    {
        HashSet<SettingSummary> repeated = [.. comparisons.Where(c => c.SameSamples).Select(c => c.Second)];
        return [.. comparisons.Where(c => !repeated.Contains(c.First) && !repeated.Contains(c.Second))];
    }

    /// <summary>A sentence for each group of settings whose samples are the same.</summary>
    public static IReadOnlyList<string> Same(IReadOnlyList<Comparison> comparisons)
    {
        HashSet<SettingSummary> repeated = [.. comparisons.Where(c => c.SameSamples).Select(c => c.Second)];
        return
        [
            .. comparisons.Where(c => c.SameSamples && !repeated.Contains(c.First)).GroupBy(c => c.First.Name).Select(group =>
                $"{Join([group.Key, .. group.Select(c => c.Second.Name)])} produced the same samples; {group.Key} stands for all of them here."),
        ];
    }

    private static string MoreAccurate(IReadOnlyList<Comparison> comparisons)
    {
        Comparison[] found = [.. comparisons.Where(c => c.Accuracy.Concluded)];
        if (found.Length == 0)
        {
            string largest = Numbers.Points(comparisons.Max(c => c.Accuracy.Estimate.Interval.Reach));
            string scope = comparisons.Count == 1 ? "a" : "in every comparison, a";
            return $"No setting can be said to be more accurate than another; {scope} difference of more than {largest} points can be excluded.";
        }
        IEnumerable<string> clauses = found.Select(c => Order(c, c.Accuracy)).GroupBy(o => o.Higher).OrderByDescending(g => g.Count())
            .Select(g => $"{g.Key} is more accurate than {Join([.. g.Select(o => $"{o.Lower} (by {Numbers.Points(o.Difference.Value)} points)")])}");
        string others = found.Length < comparisons.Count ? " No other difference in accuracy can be concluded." : "";
        return $"{string.Join("; ", clauses)}.{others}";
    }

    /// <summary>The setting that needs fewer tokens than every other, if there is one.</summary>
    private static string Shortest(IReadOnlyList<Comparison> comparisons)
    {
        SettingSummary shortest = comparisons.SelectMany(c => (SettingSummary[])[c.First, c.Second]).MinBy(s => s.Tokens.Value)!;
        Comparison[] others = [.. comparisons.Where(c => c.First == shortest || c.Second == shortest)];
        return others.All(c => c.Tokens.Concluded && Order(c, c.Tokens).Lower == shortest.Name)
            ? $" {shortest.Name} needs the fewest tokens: {Numbers.Plain(shortest.Tokens.Value)} on average."
            : "";
    }

    private static string Join(string[] names) =>
        names.Length == 1 ? names[0] : $"{string.Join(", ", names[..^1])} and {names[^1]}";

    /// <summary>The difference in accuracy of two settings, and what may be concluded.</summary>
    public static string Accuracy(Comparison comparison)
    {
        Ordered o = Order(comparison, comparison.Accuracy);
        string points = Numbers.Points(o.Difference.Value);
        string finding = points == Numbers.Points(0)
            ? $"{o.Higher} and {o.Lower} are equally accurate" : $"{o.Higher} is {points} points above {o.Lower}";
        string test = comparison.Test == PairedTest.McNemar ? "exact McNemar test" : "paired permutation test";
        string evidence = $"95% interval {Numbers.Points(o.Difference.Interval)}; {P(comparison.Accuracy, comparison.Family)}, {test}";
        string verdict = comparison.Accuracy.Concluded
            ? $"It may be concluded that {o.Higher} is more accurate than {o.Lower} on items of this kind."
            : "No difference in accuracy can be concluded; a difference of more than " +
                $"{Numbers.Points(o.Difference.Interval.Reach)} points can be excluded.";
        return $"{finding} ({evidence}; {Scope(comparison)}). {verdict}{Reservations(comparison)}";
    }

    /// <summary>The difference in tokens of two settings, and what may be concluded.</summary>
    public static string Tokens(Comparison comparison)
    {
        Ordered o = Order(comparison, comparison.Tokens);
        string evidence = $"95% interval {Numbers.Plain(o.Difference.Interval)}; {P(comparison.Tokens, comparison.Family)}";
        if (o.Difference.Value == 0)
            return $"{o.Higher} and {o.Lower} need equally many tokens on average ({evidence}).";
        string conclusion = comparison.Tokens.Concluded ? "" : " No difference in tokens can be concluded.";
        return $"{o.Higher} needs {Numbers.Plain(o.Difference.Value)} more tokens than {o.Lower} on average ({evidence}).{conclusion}";
    }

    /// <summary>A sentence is about the setting with the larger mean, so that all its numbers have the same sign.</summary>
    private static Ordered Order(Comparison comparison, PairedDifference difference)
    {
        Estimate estimate = difference.Estimate;
        return estimate.Value >= 0
            ? new Ordered(comparison.First.Name, comparison.Second.Name, estimate)
            : new Ordered(comparison.Second.Name, comparison.First.Name,
                new Estimate(-estimate.Value, new Interval(-estimate.Interval.High, -estimate.Interval.Low)));
    }

    private readonly record struct Ordered(string Higher, string Lower, Estimate Difference);

    private static string P(PairedDifference difference, int family) => family == 1
        ? $"p {Numbers.PValue(difference.PValue)}"
        : $"corrected p {Numbers.PValue(difference.CorrectedPValue)}";

    private static string Scope(Comparison comparison)
    {
        int first = comparison.First.Seeds.Count;
        int second = comparison.Second.Seeds.Count;
        string seeds = first == second ? Numbers.Count(first, "seed") : $"{Numbers.Count(first)} and {Numbers.Count(second, "seed")}";
        return $"{Numbers.Count(comparison.Items, "item")} × {seeds}";
    }

    private static string Reservations(Comparison comparison)
    {
        string text = "";
        int first = comparison.First.Counts.Undecided;
        int second = comparison.Second.Counts.Undecided;
        if (first + second > 0)
        {
            text += $" Undecided and counted as not correct: {Numbers.Count(first, "sample")} of {comparison.First.Name}, " +
                $"{Numbers.Count(second)} of {comparison.Second.Name}.";
        }
        if (comparison.LeftOut > 0)
            text += $" {Numbers.Count(comparison.LeftOut, "item")} that only one of them answered {Is(comparison.LeftOut)} left out.";
        if (comparison.Items < FewItems)
            text += " With so few items the interval is rough.";
        return text;
    }

    private static string Is(int count) => count == 1 ? "is" : "are";
}
