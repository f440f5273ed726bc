using System.Globalization;
using System.Text.Json.Nodes;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;

namespace SoftThinking.Evaluation.Tests.Runs;

/// <summary>A small evaluation: sums whose answers everybody knows.</summary>
internal static class Sums
{
    public static Dataset Dataset(int count) => new("sums", BenchmarkKind.Math, "00", [.. Enumerable.Range(0, count).Select(Item)]);

    public static BenchmarkItem Item(int index) => new()
    {
        Index = index,
        Question = string.Create(CultureInfo.InvariantCulture, $"What is {index} + 1?"),
        Reference = JsonValue.Create((index + 1).ToString(CultureInfo.InvariantCulture)),
        Groups = new Dictionary<string, string> { ["parity"] = index % 2 == 0 ? "even" : "odd" },
    };

    public static EvaluationPlan Plan(int count) => new()
    {
        Dataset = Dataset(count),
        Settings = [EvaluationSetting.Find("soft", new())!, EvaluationSetting.Find("cot", new())!],
        Samples = 2,
        Concurrency = 4,
        TracedItems = 0,
        Template = BenchmarkPrompt.Placeholder,
    };

    public static RunManifest Manifest(EvaluationPlan plan) => new()
    {
        Version = "1.0.0",
        Model = "model",
        Dataset = plan.Dataset.Name,
        DatasetSha256 = plan.Dataset.Sha256,
        StartIndex = plan.StartIndex,
        EndIndex = Math.Min(plan.EndIndex, plan.Dataset.Items.Count),
        Samples = plan.Samples,
        Common = new Dictionary<string, string> { ["max_new_tokens"] = "100" },
        Runs = [.. plan.Runs.Select(run => new RunSetting(run.Setting.Name, run.Seed, new Dictionary<string, string> { ["max_topk"] = "10" }))],
    };

    /// <summary>The answer to a message: right for three of four seeds.</summary>
    public static string AnswerTo(string message, ulong seed)
    {
        int sum = int.Parse(message.Split(' ')[2], CultureInfo.InvariantCulture) + 1;
        int shown = ((ulong)sum + seed) % 4 == 0 ? sum + 1 : sum;
        return string.Create(CultureInfo.InvariantCulture, $"It is \\boxed{{{shown}}}.");
    }

    /// <summary>The files of the published form, by name.</summary>
    public static Dictionary<string, string> Published(string directory) => Directory.GetFiles(directory, "*.json")
        .Where(file => Path.GetFileName(file) != "run.json").ToDictionary(file => Path.GetFileName(file), File.ReadAllText);
}

/// <summary>Answers as a function does, after a moment, and records what it was asked.</summary>
internal sealed class FakeSource(Func<AnswerRequest, int, SampleResult> answer) : IAnswerSource
{
    private readonly Lock _lock = new();
    private int _inFlight;

    public FakeSource() : this(Right) { }

    public List<AnswerRequest> Asked { get; } = [];

    public int MostInFlight { get; private set; }

    public async Task<IReadOnlyList<SampleResult>> AnswerAsync(AnswerRequest request, CancellationToken cancellation)
    {
        lock (_lock)
        {
            Asked.Add(request);
            MostInFlight = Math.Max(MostInFlight, ++_inFlight);
        }
        try
        {
            await Task.Delay(1, cancellation);
            return [.. Enumerable.Range(0, request.Samples).Select(i => answer(request, i))];
        }
        finally
        {
            lock (_lock)
                _inFlight--;
        }
    }

    public static SampleResult Right(AnswerRequest request, int sample) => new()
    {
        Seed = request.Sampling.Seed!.Value + (ulong)sample,
        Thinking = "let me see",
        Answer = Sums.AnswerTo(request.Message, request.Sampling.Seed.Value + (ulong)sample),
        ThinkingTokens = 3,
        AnswerTokens = 4 + sample,
        FinishReason = "stop",
        ThinkingEnd = "model",
        Mixtures = request.Sampling.SoftThinking ? 2 : 0,
        MeanEntropy = 0.1 + 0.2,
        Trace = request.Trace ? [new TracedToken("a", 0.5f, true, [])] : null,
    };

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
