using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace SoftThinking.Evaluation.Results;

/// <summary>An item in the results file of the runner that Soft Thinking was published with, with what ours knows besides. Every key is
/// always there.</summary>
internal sealed record PublishedResult
{
    public required string Hyperparams { get; init; }
    public required string Prompt { get; init; }
    public required string[] Completion { get; init; }
    public required JsonNode GroundTruth { get; init; }
    public required int[] GeneratedTokens { get; init; }
    public required double AvgGeneratedTokens { get; init; }
    public required double Time { get; init; }
    public required int Idx { get; init; }
    public required int N { get; init; }
    public required bool[] FinishGeneration { get; init; }
    public required JudgeInfo[] JudgeInfo { get; init; }
    public required double Passat1 { get; init; }
    public required double[] Passat1List { get; init; }
    public required ulong[] Seeds { get; init; }
    public required int[] ThinkingTokens { get; init; }
    public required int[] AnswerTokens { get; init; }
    public required string?[] ThinkingEnd { get; init; }
    public required int?[] Mixtures { get; init; }
    public required double?[] MeanEntropy { get; init; }
    public required string?[] Error { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? OptionOrder { get; init; }
    public required IReadOnlyDictionary<string, string> Groups { get; init; }

    public static PublishedResult Of(ItemResult item, string hyperparams) => new()
    {
        Hyperparams = hyperparams,
        Prompt = item.Question,
        Completion = [.. item.Samples.Select(sample => Whole(sample))],
        GroundTruth = item.Reference.DeepClone(),
        GeneratedTokens = [.. item.Samples.Select(sample => sample.Tokens)],
        AvgGeneratedTokens = item.Samples.Average(sample => (double)sample.Tokens),
        Time = 0,
        Idx = item.Index,
        N = item.Samples.Count,
        // Whether the text ended by itself, for every way of thinking alike.
        FinishGeneration = [.. item.Samples.Select(sample => sample.FinishReason == "stop")],
        JudgeInfo = [.. item.Samples.Select(Evaluation.Results.JudgeInfo.Of)],
        Passat1 = item.Samples.Average(sample => sample.Correct ? 1.0 : 0.0),
        Passat1List = [.. item.Samples.Select(sample => sample.Correct ? 1.0 : 0.0)],
        Seeds = [.. item.Samples.Select(sample => sample.Seed)],
        ThinkingTokens = [.. item.Samples.Select(sample => sample.ThinkingTokens)],
        AnswerTokens = [.. item.Samples.Select(sample => sample.AnswerTokens)],
        ThinkingEnd = [.. item.Samples.Select(sample => sample.ThinkingEnd)],
        Mixtures = [.. item.Samples.Select(sample => sample.Mixtures)],
        MeanEntropy = [.. item.Samples.Select(sample => sample.MeanEntropy)],
        Error = [.. item.Samples.Select(sample => sample.Error)],
        OptionOrder = item.OptionOrder,
        Groups = item.Groups,
    };

    // What other tools expect: the thought, its end, the answer.
    private static string Whole(SampleResult sample) =>
        sample.Thinking == "" ? sample.Answer
        : sample.ThinkingEnd == null ? sample.Thinking
        : $"{sample.Thinking}\n</think>\n\n{sample.Answer}";
}

/// <summary>What the judges found of a sample.</summary>
internal sealed record JudgeInfo
{
    public required bool RuleJudgeResult { get; init; }

    /// <summary>Null where no language model was asked, or its reply was no verdict.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required bool? LlmJudgeResult { get; init; }

    public required bool FinallyJudgeResult { get; init; }
    public required string Outcome { get; init; }
    public required string Rule { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Answer { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Note { get; init; }

    public static JudgeInfo Of(SampleResult sample) => new()
    {
        RuleJudgeResult = sample.Verdict.Outcome == Evaluation.Outcome.Correct,
        LlmJudgeResult = sample.ModelVerdict?.Outcome switch
        {
            Evaluation.Outcome.Correct => true,
            Evaluation.Outcome.Wrong => false,
            _ => null,
        },
        FinallyJudgeResult = sample.Correct,
        Outcome = JsonNamingPolicy.SnakeCaseLower.ConvertName((sample.ModelVerdict ?? sample.Verdict).Outcome.ToString()),
        Rule = sample.Verdict.Rule,
        Answer = sample.Verdict.Answer,
        Note = sample.ModelVerdict?.Note ?? sample.Verdict.Note,
    };
}

/// <summary>The statistics file of the published runner.</summary>
internal sealed record PublishedStatistics
{
    public required int TotalNum { get; init; }

    [JsonPropertyName("pass@1")]
    public required double PassAt1 { get; init; }

    [JsonPropertyName("avg_token_length-all")]
    public required double AverageTokens { get; init; }

    /// <summary>Over the items with a correct sample; null where there is none.</summary>
    [JsonPropertyName("avg_token_length-correct")]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required double? AverageTokensOfCorrect { get; init; }

    /// <summary>Hours of generating and judging, of all settings of the evaluation together.</summary>
    [JsonPropertyName("time_taken/h")]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required double? Hours { get; init; }

    public required IReadOnlyDictionary<string, double> AllIdx { get; init; }

    public static PublishedStatistics Of(IReadOnlyList<PublishedResult> results, double? seconds)
    {
        List<PublishedResult> correct = [.. results.Where(result => result.Passat1 > 0)];
        return new PublishedStatistics
        {
            TotalNum = results.Count,
            PassAt1 = results.Count > 0 ? results.Average(result => result.Passat1) : 0,
            AverageTokens = results.Count > 0 ? results.Average(result => result.AvgGeneratedTokens) : 0,
            AverageTokensOfCorrect = correct.Count > 0 ? correct.Average(result => result.AvgGeneratedTokens) : null,
            Hours = seconds / 3600,
            AllIdx = results.ToDictionary(result => result.Idx.ToString(CultureInfo.InvariantCulture), result => result.Passat1),
        };
    }
}
