using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Results;

/// <summary>The judged samples of one item under one setting: one line of a results file.</summary>
public sealed record ItemResult
{
    /// <summary>Position of the item in its data set, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The question as it was shown, without the instructions around it.</summary>
    public required string Question { get; init; }

    /// <summary>The reference for the question as it was shown: text, or an object for code.</summary>
    public required JsonNode Reference { get; init; }

    /// <summary>What the item is grouped by in reports, such as "terms" = "3"; empty for nothing.</summary>
    public IReadOnlyDictionary<string, string> Groups { get; init; } = new Dictionary<string, string>();

    /// <summary>The letters that the options have in the data set, in the order in which they were shown, such as "CADB"; null where
    /// they kept their order, or there are none.</summary>
    public string? OptionOrder { get; init; }

    /// <summary>The samples in order, at least one.</summary>
    public required IReadOnlyList<SampleResult> Samples { get; init; }
}

/// <summary>One sample, judged.</summary>
public sealed record SampleResult
{
    /// <summary>Seed of the sample.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The thought, without markers; empty where there is none.</summary>
    public required string Thinking { get; init; }

    /// <summary>What follows the thought: the text that is judged.</summary>
    public required string Answer { get; init; }

    /// <summary>Tokens of the thought, markers included.</summary>
    public required int ThinkingTokens { get; init; }

    /// <summary>Tokens after the thought.</summary>
    public required int AnswerTokens { get; init; }

    /// <summary>Why the sample ended: "stop", "length", "cold_stop", "low_confidence", or "error".</summary>
    public required string FinishReason { get; init; }

    /// <summary>How the thought ended: "model", "cold_stop", "budget", "cusum", "eat", "deer", "switches"; null where it did not end, or there is none.</summary>
    public string? ThinkingEnd { get; init; }

    /// <summary>Thoughts with two or more entries; null where the source does not report them.</summary>
    public int? Mixtures { get; init; }

    /// <summary>Mean entropy of the thoughts in nats; null where the source does not report it.</summary>
    public double? MeanEntropy { get; init; }

    /// <summary>The smallest mean confidence of a window of tokens, in nats: the sample's weight in a vote; null without the early exit that
    /// measures it.</summary>
    public double? Confidence { get; init; }

    /// <summary>What went wrong; null for nothing.</summary>
    public string? Error { get; init; }

    /// <summary>What the rules found.</summary>
    public Verdict Verdict { get; init; } = new(Outcome.Undecided, "not judged");

    /// <summary>What a language model found after the rules had said no; null where none was asked.</summary>
    public Verdict? ModelVerdict { get; init; }

    /// <summary>The tokens, for the items that reports show; null for the others.</summary>
    public IReadOnlyList<TracedToken>? Trace { get; init; }

    /// <summary>Samples that could not be generated.</summary>
    /// <param name="seed">Seed of the first.</param>
    /// <param name="count">How many.</param>
    /// <param name="error">Why.</param>
    public static IReadOnlyList<SampleResult> Failed(ulong seed, int count, string error) =>
    [
        .. Enumerable.Range(0, count).Select(i => new SampleResult
        {
            Seed = unchecked(seed + (ulong)i),
            Thinking = "",
            Answer = "",
            ThinkingTokens = 0,
            AnswerTokens = 0,
            FinishReason = "error",
            Error = error,
            Verdict = new Verdict(Outcome.Undecided, "error"),
        }),
    ];

    /// <summary>All tokens.</summary>
    public int Tokens => ThinkingTokens + AnswerTokens;

    /// <summary>Whether the rules, or a language model after them, found the answer correct.</summary>
    public bool Correct => Verdict.Outcome == Outcome.Correct || ModelVerdict?.Outcome == Outcome.Correct;
}

/// <summary>A token of a sample that a report shows.</summary>
/// <param name="Text">Its text; empty inside a character.</param>
/// <param name="Entropy">Entropy of the distribution in nats.</param>
/// <param name="Thinking">Whether it belongs to the thought.</param>
/// <param name="Entries">The entries of the mixture, the heaviest first; empty for an ordinary token.</param>
public sealed record TracedToken(string Text, float Entropy, bool Thinking, IReadOnlyList<TracedEntry> Entries);

/// <summary>An entry of a mixture.</summary>
public sealed record TracedEntry(int Id, string Text, float Weight);
