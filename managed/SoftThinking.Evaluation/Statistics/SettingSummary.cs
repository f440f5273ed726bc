using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Statistics;

/// <summary>A setting with all its seeds: what each item scored, and the means over items.</summary>
public sealed class SettingSummary
{
    /// <summary>Joins the runs of one setting.</summary>
    /// <param name="name">Name of the setting.</param>
    /// <param name="runs">Its runs, at least one, each with another seed.</param>
    public SettingSummary(string name, IReadOnlyList<SettingResults> runs)
    {
        Name = name;
        Options = runs[0].Options;
        Seeds = [.. runs.Select(r => r.Seed)];
        Items =
        [
            .. runs.SelectMany(r => r.Items).Where(i => i.Samples.Count > 0).GroupBy(i => i.Index).OrderBy(g => g.Key)
                .Select(g => new ItemSummary([.. g])),
        ];
        Counts = new SampleCounts([.. Items.SelectMany(i => i.Samples)]);
        Accuracy = Bootstrap.Share([.. Items.Select(i => i.Accuracy)]);
        Tokens = MeanOf(s => s.Tokens);
        ThinkingTokens = MeanOf(s => s.ThinkingTokens);
        AnswerTokens = MeanOf(s => s.AnswerTokens);
    }

    /// <summary>Name of the setting.</summary>
    public string Name { get; }

    /// <summary>Options as on the command line.</summary>
    public IReadOnlyDictionary<string, string> Options { get; }

    /// <summary>Seeds of the runs.</summary>
    public IReadOnlyList<ulong> Seeds { get; }

    /// <summary>The items, sorted by index.</summary>
    public IReadOnlyList<ItemSummary> Items { get; }

    /// <summary>What became of the samples.</summary>
    public SampleCounts Counts { get; }

    /// <summary>pass@1: mean over items of the share of correct samples.</summary>
    public Estimate Accuracy { get; }

    /// <summary>Mean number of tokens of a sample.</summary>
    public Estimate Tokens { get; }

    /// <summary>Mean number of tokens of a thought.</summary>
    public Estimate ThinkingTokens { get; }

    /// <summary>Mean number of tokens after the thought.</summary>
    public Estimate AnswerTokens { get; }

    /// <summary>All samples, item by item.</summary>
    public IEnumerable<SampleResult> Samples => Items.SelectMany(i => i.Samples);

    /// <summary>Samples that every item has, of all seeds together.</summary>
    public int SamplesPerItem => Items.Count == 0 ? 0 : Items.Min(i => i.Samples.Count);

    /// <summary>Samples that every item has in one run.</summary>
    public int SamplesPerRun => Items.Count == 0 ? 0 : Items.Min(i => i.Runs.Min(r => r.Samples.Count));

    /// <summary>Accuracy of the rules alone, without what a language model found correct after them.</summary>
    public Estimate RuleAccuracy =>
        Bootstrap.Share([.. Items.Select(i => i.Mean(s => s.Verdict.Outcome == Outcome.Correct ? 1 : 0))]);

    /// <summary>Mean number of mixtures of a sample, over the samples that report it; null for none.</summary>
    public double? Mixtures => Samples.Average(s => (double?)s.Mixtures);

    /// <summary>Mean of the samples' mean entropies in nats, over the samples that report it; null for none.</summary>
    public double? MeanEntropy => Samples.Average(s => s.MeanEntropy);

    /// <summary>Mean over items of the unbiased pass@k, of the samples of all seeds.</summary>
    /// <param name="k">1 to <see cref="SamplesPerItem"/>.</param>
    public Estimate PassAt(int k) =>
        Bootstrap.Share([.. Items.Select(i => PassAtK.Unbiased(i.Samples.Count, i.Correct, k))]);

    /// <summary>Mean over items of whether the majority of a run's samples is correct; each run votes on its own.</summary>
    /// <param name="equal">Whether two answers mean the same; see <see cref="MajorityVote.Winner"/>.</param>
    public Estimate Majority(Func<string, string, bool>? equal = null) => Bootstrap.Share(
    [
        .. Items.Select(i => (double)i.Runs.Count(r => MajorityVote.Winner(r.Samples, equal)?.Correct == true) / i.Runs.Count),
    ]);

    /// <summary>Whether another setting produced the same texts for the same items, as greedy decoding does with every seed.</summary>
    public bool HasSamplesOf(SettingSummary other) => Items.Count == other.Items.Count && Items.Zip(other.Items).All(pair =>
        pair.First.Index == pair.Second.Index && pair.First.Samples.Select(Content).SequenceEqual(pair.Second.Samples.Select(Content)));

    private static (string, string, int, bool) Content(SampleResult sample) =>
        (sample.Thinking, sample.Answer, sample.Tokens, sample.Correct);

    private Estimate MeanOf(Func<SampleResult, double> number) => Bootstrap.Mean([.. Items.Select(i => i.Mean(number))]);
}
