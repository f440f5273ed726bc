using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>The tables of a report.</summary>
internal static class ReportTables
{
    private const int QuestionLength = 110;

    /// <summary>Every setting with its accuracy and its costs.</summary>
    public static ReportTable Settings(Section section)
    {
        bool asked = section.Settings.Any(s => s.Counts.AskedModel > 0);
        List<string> headers = ["setting", "accuracy, %"];
        if (asked)
            headers.Add("by rules alone, %");
        headers.AddRange(["tokens", "thought", "answer", "mixtures", "entropy", "seeds", "samples"]);
        string note = "Accuracy is pass@1: the mean over items of the share of correct samples. Ranges are 95% intervals. " +
            "Tokens, mixtures, and entropy (nats) are means of a sample.";
        if (asked)
            note += " Where the rules found an answer wrong, a language model also judged it; the second column shows the rules alone.";
        return new ReportTable("Settings", note, headers, [.. section.Settings.Select(s => Row(s, asked))]);
    }

    private static Cell[] Row(SettingSummary setting, bool asked)
    {
        List<Cell> row = [setting.Name, Cell.OfShare(setting.Accuracy)];
        if (asked)
            row.Add(Cell.OfShare(setting.RuleAccuracy));
        row.AddRange(
        [
            Cell.OfNumber(setting.Tokens), Numbers.Plain(setting.ThinkingTokens.Value), Numbers.Plain(setting.AnswerTokens.Value),
            Optional(setting.Mixtures), Optional(setting.MeanEntropy), Numbers.Count(setting.Seeds.Count),
            Numbers.Count(setting.Counts.Samples),
        ]);
        return [.. row];
    }

    /// <summary>What became of the samples.</summary>
    public static ReportTable Outcomes(Section section) => Counts(
        section, "How samples ended",
        "Samples without an answer and undecided ones (a judge failed, or code was not run) count as not correct. " +
        "Failed samples ended with an error; those cut off used up their tokens.",
        ["setting", "samples", "correct", "wrong", "no answer", "undecided", "failed", "cut off"],
        c => [c.Samples, c.Correct, c.Wrong, c.NoAnswer, c.Undecided, c.Failed, c.CutOff]);

    /// <summary>How the thoughts ended.</summary>
    public static ReportTable Thoughts(Section section) => Counts(
        section, "How thoughts ended", "",
        ["setting", "by the model", "by a cold stop", "at the budget", "by another exit", "never", "no thought"],
        c => [c.EndedByModel, c.ColdStops, c.EndedByBudget, c.EndedByExit, c.NeverEnded, c.NoThought]);

    private static ReportTable Counts(
        Section section, string title, string note, IReadOnlyList<string> headers, Func<SampleCounts, int[]> counts) =>
        new(title, note, headers,
        [
            .. section.Settings.Select(s => (Cell[])[s.Name, .. counts(s.Counts).Select(c => new Cell(Numbers.Count(c)))]),
        ]);

    /// <summary>pass@k and majority vote; null where no item has several samples.</summary>
    public static ReportTable? Several(Section section)
    {
        IReadOnlyList<int> ladder = PassAtK.Ladder(section.Settings.Max(s => s.SamplesPerItem));
        if (ladder.Count == 0)
            return null;
        bool vote = section.Settings.Any(s => s.SamplesPerRun > 1);
        List<string> headers = ["setting", "pass@1", .. ladder.Select(k => $"pass@{k}")];
        string note = "pass@k, %: the unbiased probability that at least one of k samples is correct, from the samples of all seeds.";
        if (vote)
        {
            int[] votes = [.. section.Settings.Select(s => s.SamplesPerRun).Distinct()];
            headers.Add(votes.Length == 1 ? $"majority of {Numbers.Count(votes[0])}" : "majority vote");
            note += " Majority, %: the answer that most samples of a run agree on, the runs' mean; samples without an answer do not vote. "
                + "With deepconf each vote has the weight of its sample's least confidence.";
        }
        return new ReportTable("Several samples", note, headers, [.. section.Settings.Select(s => Several(s, section, ladder, vote))]);
    }

    private static Cell[] Several(SettingSummary setting, Section section, IReadOnlyList<int> ladder, bool vote)
    {
        List<Cell> row = [setting.Name, Cell.OfShare(setting.Accuracy)];
        row.AddRange(ladder.Select(k => k <= setting.SamplesPerItem ? Cell.OfShare(setting.PassAt(k)) : Numbers.None));
        if (vote)
            row.Add(setting.SamplesPerRun > 1 ? Cell.OfShare(setting.Majority(section.Equal)) : Numbers.None);
        return [.. row];
    }

    /// <summary>Every pair of settings; null for a single setting.</summary>
    public static ReportTable? Comparisons(Section section) => section.Comparisons.Count == 0 ? null : new ReportTable(
        "Differences",
        "First minus second, on the same items; ranges are 95% intervals, each for its comparison alone. " +
        "Corrected p: by Holm's method, for all comparisons of the column. " +
        "\"Better on\" counts the items on which the first and the second have more correct samples.",
        ["settings", "accuracy, points", "p", "corrected p", "better on", "tokens", "p (tokens)", "corrected p (tokens)"],
        [
            .. section.Comparisons.Select(c => (Cell[])
            [
                $"{c.First.Name} – {c.Second.Name}", Cell.OfShareDifference(c.Accuracy.Estimate),
                Numbers.P(c.Accuracy.PValue), Numbers.P(c.Accuracy.CorrectedPValue),
                $"{Numbers.Count(c.FirstBetter)} : {Numbers.Count(c.SecondBetter)}",
                Cell.OfDifference(c.Tokens.Estimate), Numbers.P(c.Tokens.PValue), Numbers.P(c.Tokens.CorrectedPValue),
            ]),
        ]);

    /// <summary>Accuracy by the values of one group.</summary>
    public static ReportTable Group(Section section, string name, IReadOnlyList<string> values)
    {
        Dictionary<string, GroupAccuracy>[] settings = [.. section.Settings.Select(s => GroupAccuracy.Of(s, name).ToDictionary(g => g.Value))];
        return new ReportTable(
            $"Accuracy by {name}", "In %, with 95% intervals.",
            [name, "items", .. section.Settings.Select(s => s.Name)],
            [
                .. values.Select(v => (Cell[])
                [
                    v, Numbers.Count(settings.Max(s => s.GetValueOrDefault(v)?.Items ?? 0)),
                    .. settings.Select(s => s.TryGetValue(v, out GroupAccuracy? g) ? Cell.OfShare(g.Accuracy) : Numbers.None),
                ]),
            ]);
    }

    /// <summary>The items on which settings differ most, the largest difference first; null for none.</summary>
    public static ReportTable? Differing(Section section, IReadOnlyList<ItemAcross> differing, int limit)
    {
        if (differing.Count == 0)
            return null;
        string shown = differing.Count > limit ? $" The {Numbers.Count(limit)} with the largest differences are shown." : "";
        int items = section.Items.Count;
        return new ReportTable(
            "Where settings differ",
            $"Correct samples of each item; settings differ on {Numbers.Count(differing.Count)} of {Numbers.Count(items, "item")}.{shown}",
            ["item", "question", "reference", .. section.Settings.Select(s => s.Name)],
            [
                .. differing.Take(limit).Select(d => (Cell[])
                [
                    Numbers.Index(d.Index), SafeText.Shorten(d.Question, QuestionLength), SafeText.Shorten(d.Reference, 40),
                    .. d.Items.Select(i => i is null
                        ? new Cell(Numbers.None) : new Cell($"{Numbers.Count(i.Correct)}/{Numbers.Count(i.Samples.Count)}", Share: i.Accuracy)),
                ]),
            ]);
    }

    /// <summary>The options and seeds of each setting.</summary>
    public static ReportTable Options(Section section)
    {
        IEnumerable<string> names = section.Settings.SelectMany(s => s.Options.Keys).Where(n => !Section.IsSeed(n)).Distinct()
            .Order(StringComparer.Ordinal);
        return new ReportTable(
            "Options", "As on the command line.", ["option", .. section.Settings.Select(s => s.Name)],
            [
                .. names.Select(n => (Cell[])[n, .. section.Settings.Select(s => new Cell(s.Options.GetValueOrDefault(n, Numbers.None)))]),
                (Cell[])["seeds", .. section.Settings.Select(s => new Cell(Numbers.List(s.Seeds)))],
            ]);
    }

    private static Cell Optional(double? number) => number is { } value ? Numbers.Plain(value) : Numbers.None;
}
