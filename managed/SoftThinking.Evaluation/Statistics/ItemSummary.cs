using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Statistics;

/// <summary>An item with its samples of all seeds under one setting.</summary>
public sealed class ItemSummary
{
    /// <param name="runs">The item as each run answered it, in the order of the runs.</param>
    internal ItemSummary(IReadOnlyList<ItemResult> runs)
    {
        Runs = runs;
        Samples = [.. runs.SelectMany(r => r.Samples)];
        Correct = Samples.Count(s => s.Correct);
    }

    /// <summary>Position of the item in its data set.</summary>
    public int Index => Runs[0].Index;

    /// <summary>The item as each run answered it.</summary>
    public IReadOnlyList<ItemResult> Runs { get; }

    /// <summary>The samples of all runs.</summary>
    public IReadOnlyList<SampleResult> Samples { get; }

    /// <summary>How many of the samples are correct.</summary>
    public int Correct { get; }

    /// <summary>Share of the samples that are correct.</summary>
    public double Accuracy => (double)Correct / Samples.Count;

    /// <summary>Mean of a number over the samples.</summary>
    public double Mean(Func<SampleResult, double> number) => Samples.Sum(number) / Samples.Count;
}
