using System.Globalization;
using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>Sentences that the page and the Markdown file share.</summary>
internal static class ReportTexts
{
    /// <summary>How everything was computed, a paragraph each.</summary>
    public static IReadOnlyList<string> Methods { get; } =
    [
        "An item's score is the share of its samples that are correct, over all seeds; accuracy is the mean of the items' " +
        "scores. Samples without an answer and undecided samples count as not correct.",
        $"Intervals hold the true value with 95% confidence: percentile bootstrap, {Numbers.Count(Bootstrap.Resamples)} resamples of " +
        "the items, each with all its samples and seeds. Where all items agree, the exact binomial interval is shown. They speak of " +
        "items like these, for this model.",
        "Two settings are compared on the items that both answered. With one sample each, by the exact test of McNemar; otherwise by " +
        "a permutation test that flips the signs of the items' differences: exact for up to 20 items that differ, else " +
        $"{Numbers.Count(SignFlipTest.Draws)} random draws. It is approximate where the two settings have different numbers of samples. " +
        "Differences in tokens: by the permutation test. A difference is concluded where p, corrected by Holm's method for all pairs, " +
        $"is below {PairedDifference.Level.ToString(CultureInfo.InvariantCulture)}.",
        "Everything random has a fixed seed: the same results yield the same report.",
    ];

    /// <summary>What was evaluated, in a line.</summary>
    public static string Facts(Section section)
    {
        int samples = section.Settings.Sum(s => s.Counts.Samples);
        ulong[] seeds = [.. section.Settings.SelectMany(s => s.Seeds).Distinct().Order()];
        return $"{Numbers.Count(section.Items.Count, "item")}, {Numbers.Count(section.Settings.Count, "setting")}, " +
            $"{Numbers.Count(samples, "sample")}; {(seeds.Length == 1 ? "seed" : "seeds")} {Numbers.List(seeds)}. Data set: {section.Dataset}, SHA-256 {section.DatasetSha256}.";
    }

    /// <summary>What a reader must know before believing the numbers.</summary>
    public static IEnumerable<string> Warnings(Section section)
    {
        if (section.Repeated > 0)
            yield return $"{Numbers.Count(section.Repeated, "run")} left out: the same setting with the same seed was there already.";
        foreach (string name in section.Unanswered)
            yield return $"{name} answered no item.";
        foreach (SettingSummary setting in section.Settings.Where(s => s.Items.Count < section.Items.Count))
        {
            yield return $"{setting.Name} answered {Numbers.Count(setting.Items.Count)} of {Numbers.Count(section.Items.Count, "item")}; " +
                "its means are over these alone.";
        }
        int undecided = section.Settings.Sum(s => s.Counts.Undecided);
        if (undecided > 0)
            yield return $"{Numbers.Count(undecided, "sample")} undecided: counted as not correct, and listed below.";
        int failed = section.Settings.Sum(s => s.Counts.Failed);
        if (failed > 0)
            yield return $"{Numbers.Count(failed, "sample")} ended with an error: counted as not correct, and listed below.";
    }

    /// <summary>The values of a group in order, over all settings.</summary>
    public static IReadOnlyList<string> GroupValues(Section section, string name) => GroupAccuracy.Sort(
        section.Items.Select(i => i.Any.Groups.GetValueOrDefault(name)).OfType<string>().Distinct());
}
