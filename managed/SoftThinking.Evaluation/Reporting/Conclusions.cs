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
        if (found > 0)
        {
            return comparisons.Count == 1
                ? "The two settings differ in accuracy."
                : $"{Numbers.Count(found)} of {Numbers.Count(comparisons.Count)} comparisons show a difference in accuracy.";
        }
        string largest = Numbers.Points(comparisons.Max(c => c.Accuracy.Estimate.Interval.Reach));
        return "No setting can be said to be more accurate than another; in every comparison, a difference of more than " +
            $"{largest} points can be excluded.";
    }

    /// <summary>The difference in accuracy of two settings, and what may be concluded.</summary>
    public static string Accuracy(Comparison comparison)
    {
        Estimate difference = comparison.Accuracy.Estimate;
        string subject = comparison.First.Name;
        string other = comparison.Second.Name;
        string points = Numbers.Points(Math.Abs(difference.Value));
        string finding = points == Numbers.Points(0)
            ? $"{subject} and {other} are equally accurate"
            : $"{subject} is {points} points {(difference.Value > 0 ? "above" : "below")} {other}";
        string interval = $"95% interval {Numbers.Points(difference.Interval.Low)} to {Numbers.Points(difference.Interval.High)}";
        return $"{finding} ({interval}; {Evidence(comparison)}; {Scope(comparison)}). {Verdict(comparison)}{Reservations(comparison)}";
    }

    /// <summary>The difference in tokens of two settings, and what may be concluded.</summary>
    public static string Tokens(Comparison comparison)
    {
        Estimate difference = comparison.Tokens.Estimate;
        string subject = comparison.First.Name;
        string other = comparison.Second.Name;
        string amount = Numbers.Plain(Math.Abs(difference.Value));
        string interval = $"95% interval {Numbers.Plain(difference.Interval.Low)} to {Numbers.Plain(difference.Interval.High)}";
        string p = Corrected(comparison.Tokens, comparison.Family);
        if (difference.Value == 0)
            return $"{subject} and {other} need equally many tokens on average ({interval}; {p}).";
        string comparative = difference.Value > 0 ? "more" : "fewer";
        string conclusion = comparison.Tokens.Concluded ? "" : " No difference can be concluded.";
        return $"{subject} needs {amount} {comparative} tokens than {other} on average ({interval}; {p}).{conclusion}";
    }

    private static string Verdict(Comparison comparison)
    {
        PairedDifference accuracy = comparison.Accuracy;
        if (!accuracy.Concluded)
        {
            string limit = Numbers.Points(accuracy.Estimate.Interval.Reach);
            return $"No difference in accuracy can be concluded; a difference of more than {limit} points can be excluded.";
        }
        bool first = accuracy.Estimate.Value > 0;
        string better = first ? comparison.First.Name : comparison.Second.Name;
        string worse = first ? comparison.Second.Name : comparison.First.Name;
        return $"It may be concluded that {better} is more accurate than {worse} on items of this kind.";
    }

    private static string Evidence(Comparison comparison)
    {
        string test = comparison.Test == PairedTest.McNemar ? "exact McNemar test" : "paired permutation test";
        return $"{Corrected(comparison.Accuracy, comparison.Family)}, {test}";
    }

    private static string Corrected(PairedDifference difference, int family)
    {
        string p = $"p {Numbers.PValue(difference.PValue)}";
        return family == 1 ? p : $"{p}, {Numbers.P(difference.CorrectedPValue)} corrected for {family} comparisons";
    }

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
