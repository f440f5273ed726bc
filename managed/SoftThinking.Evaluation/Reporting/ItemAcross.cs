using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>An item under all settings of a section.</summary>
/// <param name="Items">One per setting; null where the setting did not answer it.</param>
internal sealed record ItemAcross(int Index, IReadOnlyList<ItemSummary?> Items)
{
    public ItemResult Any => Items.First(i => i is not null)!.Runs[0];

    public string Question => Any.Question;

    /// <summary>The reference where it is text or a number; an object, as for code, is not shown.</summary>
    public string Reference => Any.Reference is System.Text.Json.Nodes.JsonValue value ? value.ToString() : "";

    /// <summary>Largest difference in the share of correct samples.</summary>
    public double Spread
    {
        get
        {
            List<double> shares = Items.OfType<ItemSummary>().Select(i => i.Accuracy).ToList();
            return shares.Max() - shares.Min();
        }
    }

    public bool Traced => Items.OfType<ItemSummary>().Any(i => i.Samples.Any(s => s.Trace is { Count: > 0 }));

    /// <summary>Every item that any of the settings answered, sorted by index.</summary>
    public static IReadOnlyList<ItemAcross> All(IReadOnlyList<SettingSummary> settings)
    {
        Dictionary<int, ItemSummary>[] items = [.. settings.Select(s => s.Items.ToDictionary(i => i.Index))];
        return
        [
            .. items.SelectMany(i => i.Keys).Distinct().Order()
                .Select(index => new ItemAcross(index, [.. items.Select(i => i.GetValueOrDefault(index))])),
        ];
    }

    /// <summary>The items on which settings differ, the largest difference first.</summary>
    public static IReadOnlyList<ItemAcross> Differing(IReadOnlyList<ItemAcross> items) =>
        [.. items.Where(i => i.Spread > 0).OrderByDescending(i => i.Spread).ThenBy(i => i.Index)];
}
