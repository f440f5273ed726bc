using System.Text.Json;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>What an evaluation found: its numbers, and what may be concluded from them.</summary>
public sealed class EvaluationSummary
{
    private readonly Section _section;

    /// <summary>Computes the statistics.</summary>
    /// <param name="results">The evaluation.</param>
    /// <param name="equal">Whether two answers mean the same, for the majority vote; null compares their text.</param>
    public EvaluationSummary(EvaluationResults results, Func<string, string, bool>? equal = null)
    {
        ArgumentNullException.ThrowIfNull(results);
        _section = Section.Combine([results], equal)[0];
        Conclusions =
        [
            .. Reporting.Conclusions.Overall(_section.Comparisons) is string overall ? [overall] : Array.Empty<string>(),
            .. Reporting.Conclusions.Same(_section.Comparisons),
            .. Reporting.Conclusions.Distinct(_section.Comparisons).Select(Reporting.Conclusions.Accuracy),
        ];
    }

    /// <summary>What may be concluded, the most important first; empty for a single setting.</summary>
    public IReadOnlyList<string> Conclusions { get; }

    /// <summary>The tables that fit a terminal.</summary>
    public IReadOnlyList<ReportTable> Tables =>
    [
        ReportTables.Settings(_section),
        .. ReportTables.Several(_section) is { } several ? [several] : Array.Empty<ReportTable>(),
        .. GroupAccuracy.Names(_section.Settings).Select(n => ReportTables.Group(_section, n, ReportTexts.GroupValues(_section, n))),
        ReportTables.Outcomes(_section),
        ReportTables.Thoughts(_section),
    ];

    /// <summary>Writes the numbers as properties of the open object. Times are not among them: the same results yield the same
    /// text.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.WriteString("model", _section.Model);
        json.WriteString("dataset", _section.Dataset);
        json.WriteString("dataset_sha256", _section.DatasetSha256);
        json.WriteStartArray("settings");
        foreach (SettingSummary setting in _section.Settings)
            WriteSetting(json, setting);
        json.WriteEndArray();
        json.WriteStartArray("comparisons");
        foreach (Comparison comparison in _section.Comparisons)
            WriteComparison(json, comparison);
        json.WriteEndArray();
        json.WriteStartArray("conclusions");
        foreach (string sentence in Conclusions)
            json.WriteStringValue(sentence);
        json.WriteEndArray();
    }

    private void WriteSetting(Utf8JsonWriter json, SettingSummary setting)
    {
        SampleCounts counts = setting.Counts;
        json.WriteStartObject();
        json.WriteString("setting", setting.Name);
        json.WriteStartArray("seeds");
        foreach (ulong seed in setting.Seeds)
            json.WriteNumberValue(seed);
        json.WriteEndArray();
        json.WriteNumber("items", setting.Items.Count);
        json.WriteNumber("samples", counts.Samples);
        Write(json, "accuracy", setting.Accuracy);
        Write(json, "rule_accuracy", setting.RuleAccuracy);
        foreach (int k in PassAtK.Ladder(setting.SamplesPerItem))
            Write(json, FormattableString.Invariant($"pass@{k}"), setting.PassAt(k));
        if (setting.SamplesPerRun > 1)
            Write(json, "majority_vote", setting.Majority(_section.Equal));
        Write(json, "tokens", setting.Tokens);
        Write(json, "thinking_tokens", setting.ThinkingTokens);
        Write(json, "answer_tokens", setting.AnswerTokens);
        WriteOptional(json, "mixtures", setting.Mixtures);
        WriteOptional(json, "mean_entropy", setting.MeanEntropy);
        WriteCounts(json, "outcomes",
            ("correct", counts.Correct), ("correct_by_model", counts.CorrectByModel), ("wrong", counts.Wrong), ("no_answer", counts.NoAnswer),
            ("undecided", counts.Undecided), ("failed", counts.Failed), ("cut_off", counts.CutOff));
        WriteCounts(json, "thinking_end",
            ("model", counts.EndedByModel), ("cold_stop", counts.ColdStops), ("budget", counts.EndedByBudget), ("exit", counts.EndedByExit), ("never", counts.NeverEnded),
            ("no_thought", counts.NoThought));
        WriteGroups(json, setting);
        json.WriteEndObject();
    }

    private static void WriteGroups(Utf8JsonWriter json, SettingSummary setting)
    {
        json.WriteStartObject("groups");
        foreach (string name in GroupAccuracy.Names([setting]))
        {
            json.WriteStartObject(name);
            foreach (GroupAccuracy group in GroupAccuracy.Of(setting, name))
                Write(json, group.Value, group.Accuracy);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteComparison(Utf8JsonWriter json, Comparison comparison)
    {
        json.WriteStartObject();
        json.WriteString("first", comparison.First.Name);
        json.WriteString("second", comparison.Second.Name);
        json.WriteNumber("items", comparison.Items);
        json.WriteNumber("first_better", comparison.FirstBetter);
        json.WriteNumber("second_better", comparison.SecondBetter);
        json.WriteString("test", comparison.Test == PairedTest.McNemar ? "mcnemar" : "sign_flip");
        Write(json, "accuracy", comparison.Accuracy);
        Write(json, "tokens", comparison.Tokens);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, PairedDifference difference)
    {
        json.WriteStartObject(name);
        WriteNumbers(json, difference.Estimate);
        json.WriteNumber("p", difference.PValue);
        json.WriteNumber("corrected_p", difference.CorrectedPValue);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, Estimate estimate)
    {
        json.WriteStartObject(name);
        WriteNumbers(json, estimate);
        json.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter json, Estimate estimate)
    {
        json.WriteNumber("value", estimate.Value);
        json.WriteNumber("low", estimate.Interval.Low);
        json.WriteNumber("high", estimate.Interval.High);
    }

    private static void WriteOptional(Utf8JsonWriter json, string name, double? number)
    {
        if (number is double value)
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }

    private static void WriteCounts(Utf8JsonWriter json, string name, params ReadOnlySpan<(string Name, int Count)> counts)
    {
        json.WriteStartObject(name);
        foreach ((string each, int count) in counts)
            json.WriteNumber(each, count);
        json.WriteEndObject();
    }
}
