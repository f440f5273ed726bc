using System.Globalization;

namespace SoftThinking.Evaluation.Statistics;

/// <summary>Accuracy of one setting on the items of one group.</summary>
/// <param name="Value">The value that the items share, such as "3".</param>
/// <param name="Items">How many items there are.</param>
/// <param name="Accuracy">Accuracy over these items, with its interval.</param>
public sealed record GroupAccuracy(string Value, int Items, Estimate Accuracy)
{
    /// <summary>The names that items are grouped by, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names(IEnumerable<SettingSummary> settings) =>
    [
        .. settings.SelectMany(s => s.Items).SelectMany(i => i.Runs[0].Groups.Keys).Distinct().Order(StringComparer.Ordinal),
    ];

    /// <summary>The groups of one setting by a name, in the order of their first items.</summary>
    public static IReadOnlyList<GroupAccuracy> Of(SettingSummary setting, string name) =>
    [
        .. setting.Items.Where(i => i.Runs[0].Groups.ContainsKey(name)).GroupBy(i => i.Runs[0].Groups[name])
            .Select(g => new GroupAccuracy(g.Key, g.Count(), Bootstrap.Share([.. g.Select(i => i.Accuracy)]))),
    ];

    /// <summary>Numbers in their order, then text in alphabetical order.</summary>
    public static IReadOnlyList<string> Sort(IEnumerable<string> values) =>
        [.. values.OrderBy(v => Number(v) ?? double.MaxValue).ThenBy(v => v, StringComparer.Ordinal)];

    private static double? Number(string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number : null;
}
