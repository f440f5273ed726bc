using System.Globalization;
using System.Text.Json.Nodes;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Tests.Reporting;

/// <summary>Made-up results of five settings on sums of two to six terms, the same every time.</summary>
internal static class Example
{
    private static readonly (string Name, double Skill, double Length, double Entropy)[] Settings =
        [("soft", 0.97, 30, 0.6), ("cot", 0.955, 36, 0.5), ("greedy", 0.95, 34, 0.35), ("soft-no-stop", 0.965, 38, 0.55), ("cot-cold-stop", 0.93, 27, 0.4)];

    public static EvaluationResults Create(int items = 60, int seeds = 3, int samples = 1, int traced = 4) => new()
    {
        Model = "graded-reasoner",
        Dataset = "graded",
        DatasetSha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        Runs = [.. Settings.SelectMany((_, s) => Enumerable.Range(0, seeds).Select(seed => Run(s, seed, items, samples, traced)))],
    };

    public static SampleResult Sample(bool correct, string? answer = "5", int tokens = 10, ulong seed = 0) => new()
    {
        Seed = seed,
        Thinking = "2 + 3",
        Answer = $"The answer is {answer}.",
        ThinkingTokens = tokens - 4,
        AnswerTokens = 4,
        FinishReason = "stop",
        ThinkingEnd = "model",
        Verdict = new Verdict(correct ? Outcome.Correct : answer is null ? Outcome.NoAnswer : Outcome.Wrong, "rational") { Answer = answer },
    };

    public static ItemResult Item(int index, params SampleResult[] samples) => new()
    {
        Index = index,
        Question = $"Question {index}",
        Reference = JsonValue.Create("5"),
        Samples = samples,
    };

    public static SettingResults Run(string setting, ulong seed, params ItemResult[] items) => new()
    {
        Setting = setting,
        Seed = seed,
        Options = new Dictionary<string, string> { ["--seed"] = seed.ToString(CultureInfo.InvariantCulture) },
        Items = items,
    };

    private static SettingResults Run(int setting, int seed, int items, int samples, int traced)
    {
        var random = new Random(1000 * setting + seed);
        (string name, _, _, _) = Settings[setting];
        return new SettingResults
        {
            Setting = name,
            Seed = (ulong)seed,
            Options = new Dictionary<string, string>
            {
                ["--temperature"] = name == "greedy" ? "0" : "0.6",
                ["--soft-thinking"] = name.StartsWith("soft", StringComparison.Ordinal) ? "true" : "false",
                ["--seed"] = seed.ToString(CultureInfo.InvariantCulture),
            },
            Items = [.. Enumerable.Range(0, items).Select(i => Item(i, setting, random, samples, seed == 0 && i < traced))],
        };
    }

    private static ItemResult Item(int index, int setting, Random random, int samples, bool traced)
    {
        int terms = 2 + index % 5;
        int[] summands = [.. Enumerable.Range(0, terms).Select(t => (index * 37 + t * 11) % 90 + 10)];
        return new ItemResult
        {
            Index = index,
            Question = $"What is {string.Join(" + ", summands)}?",
            Reference = JsonValue.Create(summands.Sum().ToString(CultureInfo.InvariantCulture)),
            Groups = new Dictionary<string, string> { ["terms"] = terms.ToString(CultureInfo.InvariantCulture) },
            Samples = [.. Enumerable.Range(0, samples).Select(s => Sample(summands, setting, random, s, traced && s == 0))],
        };
    }

    private static SampleResult Sample(int[] summands, int setting, Random random, int number, bool traced)
    {
        (string name, double skill, double length, double entropy) = Settings[setting];
        bool correct = random.NextDouble() < Math.Pow(skill, summands.Length * summands.Length);
        int thinking = (int)(length * summands.Length / 4 * (0.7 + 0.6 * random.NextDouble())) + 4;
        string answer = (summands.Sum() + (correct ? 0 : 10)).ToString(CultureInfo.InvariantCulture);
        bool stopped = !name.Contains("no-stop", StringComparison.Ordinal) && name != "cot" && name != "greedy" && random.NextDouble() < 0.7;
        bool lost = !correct && random.NextDouble() < 0.15;
        TracedToken[]? trace = traced ? [.. Trace(summands, name, answer, thinking, entropy, random)] : null;
        return new SampleResult
        {
            Seed = (ulong)number,
            Thinking = string.Join(" + ", summands),
            Answer = lost ? "" : $"The sum is \\boxed{{{answer}}}.",
            ThinkingTokens = thinking,
            AnswerTokens = lost ? 0 : 7,
            FinishReason = lost ? "length" : "stop",
            ThinkingEnd = lost ? null : stopped ? "cold_stop" : "model",
            Mixtures = name.StartsWith("soft", StringComparison.Ordinal) ? thinking / 2 : 0,
            MeanEntropy = entropy * (0.8 + 0.4 * random.NextDouble()),
            Verdict = lost ? new Verdict(Outcome.NoAnswer, "none")
                : new Verdict(correct ? Outcome.Correct : Outcome.Wrong, "rational") { Answer = answer },
            Trace = trace,
        };
    }

    private static IEnumerable<TracedToken> Trace(int[] summands, string name, string answer, int thinking, double entropy, Random random)
    {
        string[] words = ["first", " we", " add", " the", " tens", " of", $" {summands[0]}", " and", $" {summands[1]}", ",", " then", " carry", "\n"];
        for (int i = 0; i < thinking; i++)
        {
            float e = (float)(entropy * (0.3 + 2 * Math.Pow(random.NextDouble(), 2)) * Math.Exp(-1.5 * i / thinking));
            bool mixed = name.StartsWith("soft", StringComparison.Ordinal) && e > 0.25;
            string word = words[i % words.Length];
            TracedEntry[] entries = mixed
                ? [new(i, word, 0.62f), new(i + 1, words[(i + 3) % words.Length], 0.3f), new(i + 2, " so", 0.08f)] : [];
            yield return new TracedToken(word, e, true, entries);
        }
        foreach (string token in new[] { "The", " sum", " is", " \\boxed{", answer, "}", "." })
            yield return new TracedToken(token, 0.01f, false, []);
    }
}
