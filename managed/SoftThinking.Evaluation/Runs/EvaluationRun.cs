using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Runs;

/// <summary>What is evaluated.</summary>
public sealed record EvaluationPlan
{
    /// <summary>The data set.</summary>
    public required Dataset Dataset { get; init; }

    /// <summary>The settings.</summary>
    public required IReadOnlyList<EvaluationSetting> Settings { get; init; }

    /// <summary>First item.</summary>
    public int StartIndex { get; init; }

    /// <summary>The item after the last; one beyond the end of the data set stands for its end.</summary>
    public int EndIndex { get; init; } = int.MaxValue;

    /// <summary>Samples per item in each run.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>Seed of the first sample of the first run.</summary>
    public ulong Seed { get; init; }

    /// <summary>How many runs each setting has, with seeds that no other run uses.</summary>
    public int RepeatSeeds { get; init; } = 1;

    /// <summary>Whether the options of multiple-choice items keep the order of the file.</summary>
    public bool KeepOptionOrder { get; init; }

    /// <summary>The user's message, with <see cref="BenchmarkPrompt.Placeholder"/>; null for the published instructions.</summary>
    public string? Template { get; init; }

    /// <summary>How many items at the start keep the tokens of their first sample, for reports.</summary>
    public int TracedItems { get; init; } = 5;

    /// <summary>How many items are answered concurrently.</summary>
    public int Concurrency { get; init; } = 32;

    /// <summary>Each setting with each seed.</summary>
    public IReadOnlyList<(EvaluationSetting Setting, ulong Seed)> Runs =>
    [
        .. Settings.SelectMany(setting => Enumerable.Range(0, RepeatSeeds).Select(repeat =>
            (setting, unchecked(Seed + (ulong)repeat * (ulong)Samples)))),
    ];
}

/// <summary>Answers the items of a data set under every setting, judges the answers, and writes them down as they come.</summary>
public sealed class EvaluationRun(EvaluationPlan plan, RunDirectory directory, IAnswerSource source, ItemJudge judge)
{
    private readonly IReadOnlyList<(EvaluationSetting Setting, ulong Seed)> _runs = plan.Runs;

    /// <summary>How far it is.</summary>
    public EvaluationProgress Progress { get; } = new();

    /// <summary>Runs what is not finished yet. Items in flight are lost when it is canceled, finished ones are not.</summary>
    /// <exception cref="DatasetException">The options of an item cannot be shown in another order; nothing was asked.</exception>
    /// <exception cref="IOException">A result cannot be written; what was written before is intact.</exception>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        int end = Math.Min(plan.EndIndex, plan.Dataset.Items.Count);
        for (int item = plan.StartIndex; item < end; item++)
            _ = Shown(item);
        Progress.Total = _runs.Count * Math.Max(0, end - plan.StartIndex);
        List<(int Item, int Run)> left = [];
        for (int item = plan.StartIndex; item < end; item++)
        {
            for (int run = 0; run < _runs.Count; run++)
            {
                if (!directory.Logs[run].Has(item))
                    left.Add((item, run));
            }
        }
        CountFinished(end);
        ParallelOptions options = new() { MaxDegreeOfParallelism = plan.Concurrency, CancellationToken = cancellation };
        await Parallel.ForEachAsync(left, options, async (work, stop) => await RunAsync(work.Item, work.Run, stop));
        cancellation.ThrowIfCancellationRequested();
    }

    private void CountFinished(int end)
    {
        for (int run = 0; run < _runs.Count; run++)
        {
            foreach (ItemResult item in directory.Logs[run].Items.Where(item => item.Index >= plan.StartIndex && item.Index < end))
            {
                if (directory.Logs[run].Has(item.Index))
                    Progress.Add(_runs[run].Setting.Name, item, before: true);
            }
        }
    }

    /// <summary>An item as it is asked, and the order of its options; null where they keep theirs, or there are none.</summary>
    private (BenchmarkItem Item, string? Order) Shown(int index)
    {
        BenchmarkItem item = plan.Dataset.Items[index];
        if (plan.Dataset.Kind != BenchmarkKind.Choice || plan.KeepOptionOrder)
            return (item, null);
        string order = OptionShuffle.Order(item, plan.Seed);
        return (OptionShuffle.Apply(item, order), order);
    }

    private async Task RunAsync(int index, int run, CancellationToken cancellation)
    {
        (BenchmarkItem item, string? order) = Shown(index);
        (EvaluationSetting setting, ulong seed) = _runs[run];
        AnswerRequest request = new(
            BenchmarkPrompt.For(plan.Dataset.Kind, item, plan.Template),
            setting.Sampling with { Seed = seed },
            plan.Samples,
            Trace: index - plan.StartIndex < plan.TracedItems);
        IReadOnlyList<SampleResult> samples = await source.AnswerAsync(request, cancellation);
        SampleResult[] judged = new SampleResult[samples.Count];
        for (int i = 0; i < judged.Length; i++)
        {
            SampleResult sample = await judge.JudgeAsync(plan.Dataset.Kind, item, samples[i], cancellation);
            judged[i] = i == 0 ? sample : sample with { Trace = null };
        }
        ItemResult result = new()
        {
            Index = index,
            Question = item.Question,
            Reference = item.Reference,
            Groups = item.Groups,
            OptionOrder = order,
            Samples = judged,
        };
        directory.Logs[run].Append(result);
        Progress.Add(setting.Name, result, before: false);
    }
}
