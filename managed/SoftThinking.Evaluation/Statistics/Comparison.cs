namespace SoftThinking.Evaluation.Statistics;

/// <summary>Which test a p-value is of.</summary>
public enum PairedTest
{
    /// <summary>The exact test of McNemar, where each item has one sample under both settings.</summary>
    McNemar,

    /// <summary>The paired permutation test over the items' means.</summary>
    SignFlip,
}

/// <summary>A paired difference of two means over the same items.</summary>
/// <param name="Estimate">First minus second, with its interval.</param>
/// <param name="PValue">Two-sided p of the comparison on its own.</param>
/// <param name="CorrectedPValue">p after Holm's correction for all comparisons made together.</param>
public readonly record struct PairedDifference(Estimate Estimate, double PValue, double CorrectedPValue)
{
    /// <summary>Corrected p below which a difference may be concluded.</summary>
    public const double Level = 0.05;

    /// <summary>Whether a difference may be concluded.</summary>
    public bool Concluded => CorrectedPValue < Level;
}

/// <summary>Two settings compared on the items that both answered, with all their seeds.</summary>
public sealed record Comparison
{
    /// <summary>The setting that the differences are of.</summary>
    public required SettingSummary First { get; init; }

    /// <summary>The setting that it is compared with.</summary>
    public required SettingSummary Second { get; init; }

    /// <summary>Items that both settings answered.</summary>
    public required int Items { get; init; }

    /// <summary>Items that only one of the settings answered, which no difference includes.</summary>
    public required int LeftOut { get; init; }

    /// <summary>Items on which the first setting has the larger share of correct samples.</summary>
    public required int FirstBetter { get; init; }

    /// <summary>Items on which the second setting has the larger share of correct samples.</summary>
    public required int SecondBetter { get; init; }

    /// <summary>The test of <see cref="Accuracy"/>.</summary>
    public required PairedTest Test { get; init; }

    /// <summary>Difference in accuracy, first minus second, from -1 to 1.</summary>
    public required PairedDifference Accuracy { get; init; }

    /// <summary>Difference in tokens of a sample, first minus second, with the permutation test.</summary>
    public required PairedDifference Tokens { get; init; }

    /// <summary>Whether the samples of both settings are the same.</summary>
    public required bool SameSamples { get; init; }

    /// <summary>How many comparisons the p-values are corrected for.</summary>
    public required int Family { get; init; }

    /// <summary>Every setting with every later one; pairs without a common item are left out.</summary>
    public static IReadOnlyList<Comparison> All(IReadOnlyList<SettingSummary> settings)
    {
        List<Comparison> pairs = [];
        for (int i = 0; i < settings.Count; i++)
            for (int j = i + 1; j < settings.Count; j++)
                if (Compare(settings[i], settings[j]) is { } comparison)
                    pairs.Add(comparison);

        double[] accuracy = Holm.Correct([.. pairs.Select(c => c.Accuracy.PValue)]);
        double[] tokens = Holm.Correct([.. pairs.Select(c => c.Tokens.PValue)]);
        return
        [
            .. pairs.Select((c, i) => c with
            {
                Accuracy = c.Accuracy with { CorrectedPValue = accuracy[i] },
                Tokens = c.Tokens with { CorrectedPValue = tokens[i] },
                Family = pairs.Count,
            }),
        ];
    }

    private static Comparison? Compare(SettingSummary first, SettingSummary second)
    {
        Dictionary<int, ItemSummary> others = second.Items.ToDictionary(i => i.Index);
        (ItemSummary First, ItemSummary Second)[] pairs =
            [.. first.Items.Where(i => others.ContainsKey(i.Index)).Select(i => (i, others[i.Index]))];
        if (pairs.Length == 0)
            return null;

        double[] accuracy = [.. pairs.Select(p => p.First.Accuracy - p.Second.Accuracy)];
        double[] tokens = [.. pairs.Select(p => p.First.Mean(s => s.Tokens) - p.Second.Mean(s => s.Tokens))];
        int better = accuracy.Count(d => d > 0);
        int worse = accuracy.Count(d => d < 0);
        bool single = pairs.All(p => p.First.Samples.Count == 1 && p.Second.Samples.Count == 1);
        double p = single ? McNemar.Exact(better, worse) : SignFlipTest.PValue(accuracy);
        double tokensP = SignFlipTest.PValue(tokens);
        return new Comparison
        {
            First = first,
            Second = second,
            Items = pairs.Length,
            LeftOut = first.Items.Count + second.Items.Count - 2 * pairs.Length,
            FirstBetter = better,
            SecondBetter = worse,
            Test = single ? PairedTest.McNemar : PairedTest.SignFlip,
            Accuracy = new PairedDifference(Bootstrap.ShareDifference(accuracy), p, p),
            Tokens = new PairedDifference(Bootstrap.Mean(tokens), tokensP, tokensP),
            SameSamples = first.HasSamplesOf(second),
            Family = 1,
        };
    }
}
