using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>What comparisons allow a reader to conclude, in plain sentences. That there is no difference to be seen is a conclusion, too.</summary>
public static class Conclusions
{
    private const int FewItems = 30;

    /// <summary>One sentence about all comparisons; null for none.</summary>
    public static string? Overall(IReadOnlyList<Comparison> comparisons)
    {
        if (comparisons.Count == 0)
            return null;
        int found = comparisons.Count(c => c.Accuracy.Concluded);
        string corrected = comparisons.Count == 1 ? "" : " (p is corrected for all of them)";
        if (found > 0)
        {
            return comparisons.Count == 1
                ? "The two settings differ in accuracy."
                : $"{Numbers.Count(found)} of {Numbers.Count(comparisons.Count)} comparisons show a difference in accuracy{corrected}.";
        }
        string largest = Numbers.Points(comparisons.Max(c => c.Accuracy.Estimate.Interval.Reach));
        return $"No setting can be said to be more accurate than another{corrected}; in every comparison, a difference of more than " +
            $"{largest} points can be excluded.";
    }

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
