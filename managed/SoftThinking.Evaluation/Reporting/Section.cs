using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>What a report says about one model on one data set: the settings that can be compared with each other.</summary>
internal sealed class Section
{
    private readonly List<string> _unanswered = [];

    private Section(EvaluationResults first, IEnumerable<SettingResults> runs, Func<string, string, bool>? equal)
    {
        Model = first.Model;
        Dataset = first.Dataset;
        DatasetSha256 = first.DatasetSha256;
        Equal = equal;
        Settings = Join(runs);
        Comparisons = Comparison.All(Settings);
        Items = ItemAcross.All(Settings);
    }

    public string Model { get; }
    public string Dataset { get; }
    public string DatasetSha256 { get; }
    public Func<string, string, bool>? Equal { get; }

    /// <summary>The settings that answered at least one item.</summary>
    public IReadOnlyList<SettingSummary> Settings { get; }

    /// <summary>Names of the settings that answered none.</summary>
    public IReadOnlyList<string> Unanswered => _unanswered;

    public IReadOnlyList<Comparison> Comparisons { get; }
    public IReadOnlyList<ItemAcross> Items { get; }

    /// <summary>Runs of a setting that are there twice with the same seed; only the first one counts.</summary>
    public int Repeated { get; private set; }

    /// <summary>Evaluations of the same model on the same version of a data set form one section.</summary>
    public static IReadOnlyList<Section> Combine(IEnumerable<EvaluationResults> evaluations, Func<string, string, bool>? equal) =>
    [
        .. evaluations.GroupBy(e => (e.Model, e.Dataset, e.DatasetSha256))
            .Select(g => new Section(g.First(), g.SelectMany(e => e.Runs), equal)),
    ];

    /// <summary>Runs that differ in nothing but the seed are one setting; others of the same name are numbered.</summary>
    private List<SettingSummary> Join(IEnumerable<SettingResults> runs)
    {
        List<SettingSummary> settings = [];
        Dictionary<string, int> names = new(StringComparer.Ordinal);
        foreach (IGrouping<(string Setting, string), SettingResults> group in runs.GroupBy(r => (r.Setting, Key(r.Options))))
        {
            SettingResults[] distinct = [.. group.DistinctBy(r => r.Seed)];
            Repeated += group.Count() - distinct.Length;
            int number = names[group.Key.Setting] = names.GetValueOrDefault(group.Key.Setting) + 1;
            string name = number == 1 ? group.Key.Setting : $"{group.Key.Setting} ({number})";
            SettingSummary setting = new(name, distinct);
            if (setting.Items.Count > 0)
                settings.Add(setting);
            else
                _unanswered.Add(name);
        }
        return settings;
    }

    private static string Key(IReadOnlyDictionary<string, string> options) => string.Join('\n', options
        .Where(o => !IsSeed(o.Key)).OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key}\t{o.Value}"));

    /// <summary>Whether an option is the seed, which a report shows apart.</summary>
    public static bool IsSeed(string option) => option.TrimStart('-') is "seed";
}
