namespace SoftThinking;

/// <summary>How a token was sampled, as <see cref="GenerationRequest.Record"/> asks for. Logarithms are natural; statistics are of the logits as
/// they were sampled, penalties included, before any filter. p_T is the softmax at the temperature of the token (1 where that is 0), p_1 at 1.</summary>
public sealed record TokenRecord
{
    /// <summary>Entropy of p_T, in nats.</summary>
    public required float Entropy { get; init; }

    /// <summary>Entropy of p_1, in nats.</summary>
    public required float Entropy1 { get; init; }

    /// <summary>The largest p_T.</summary>
    public required float PMax { get; init; }

    /// <summary>The largest p_1.</summary>
    public required float PMax1 { get; init; }

    /// <summary>Logarithm of the sum of e^(l/T) over the logits l: ln p_T = l/T - this.</summary>
    public required float LogSumExp { get; init; }

    /// <summary>The same at temperature 1.</summary>
    public required float LogSumExp1 { get; init; }

    /// <summary>-1 times the mean of ln p_1 over the 20 most likely ids.</summary>
    public required float Confidence { get; init; }

    /// <summary>Entropy of the 20 most likely ids at temperature 1, renormalized, divided by its largest possible value: 0 to 1.</summary>
    public required float EntropyTop20 { get; init; }

    /// <summary>Entropy of what the filters keep, in nats; 0 where the temperature is 0.</summary>
    public required float EntropyKept { get; init; }

    /// <summary>ln p_1 of the emitted token.</summary>
    public required float TokenLogP1 { get; init; }

    /// <summary>Log-probability of the step as its strategy defines it for reinforcement learning; 0 for a forced token.</summary>
    public required float LogProb { get; init; }

    /// <summary>ln p_1 of each entry.</summary>
    public required IReadOnlyList<float> LogP1 { get; init; }

    /// <summary>ln p_T of each entry.</summary>
    public required IReadOnlyList<float> LogPt { get; init; }

    /// <summary>Score of each entry, noise included; empty where the strategy has none.</summary>
    public required IReadOnlyList<float> Scores { get; init; }

    /// <summary>Whether the entries come from a mixture, of which one may be left.</summary>
    public required bool Mixed { get; init; }

    /// <summary>Whether the token was forced: by a queue, an exit or the budget.</summary>
    public required bool Forced { get; init; }

    /// <summary>What stopped the thinking with this token; null for nothing. The marker that ends the thought may follow later.</summary>
    public required ThinkingEnd? Stop { get; init; }

    /// <summary>Whether the mode of <see cref="SwiReasoningStrategy"/> is single tokens, this one included.</summary>
    public required bool Hard { get; init; }

    /// <summary>Whether the mode changed with this token.</summary>
    public required bool Switched { get; init; }
}
