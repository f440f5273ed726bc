namespace SoftThinking;

/// <summary>Why generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended its text, or a stop id or stop string matched; <see cref="GenerationFinished.Stop"/> says which.</summary>
    Stop,

    /// <summary>The limit of new tokens or the context was reached.</summary>
    Length,

    /// <summary>The answer was certain for too long (<see cref="SamplingOptions.ColdStopAfterThinking"/>).</summary>
    ColdStop,

    /// <summary>The confidence fell too low (<see cref="SamplingOptions.DeepConf"/>).</summary>
    LowConfidence,
}

/// <summary>Why thinking ended.</summary>
public enum ThinkingEnd
{
    /// <summary>The model emitted the end marker.</summary>
    Model,

    /// <summary>The thoughts were certain for too long.</summary>
    ColdStop,

    /// <summary>The thinking budget was used up.</summary>
    Budget,

    /// <summary>The entropy had fallen for long enough (<see cref="SamplingOptions.Cusum"/>).</summary>
    Cusum,

    /// <summary>The probes had settled (<see cref="SamplingOptions.Eat"/>).</summary>
    Eat,

    /// <summary>A probe was confident (<see cref="SamplingOptions.Deer"/>).</summary>
    Deer,

    /// <summary>SwiReasoning switched too often (<see cref="SwiReasoningStrategy.MaxSwitchCount"/>).</summary>
    Switches,
}

/// <summary>An event of one sample of a generation: <see cref="GenerationStarted"/>, then a <see cref="GeneratedToken"/> for each
/// token, then <see cref="GenerationFinished"/>.</summary>
public abstract record GenerationEvent
{
    private protected GenerationEvent()
    {
    }

    /// <summary>Which sample, from 0.</summary>
    public int Sample { get; init; }
}

/// <summary>The first event of a sample.</summary>
public sealed record GenerationStarted : GenerationEvent
{
    /// <summary>Tokens of the prompt.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>The seed of the sample's randomness, also where the request named none: the same request with this seed gives the
    /// same output.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Whether the output starts inside a thought.</summary>
    public required bool Thinking { get; init; }

    /// <summary>End of the prompt from the marker that opens the thought, such as "&lt;think&gt;\n"; empty where the prompt opens none.</summary>
    public string OpenThought { get; init; } = "";
}

/// <summary>A generated token, and the text that it completed.</summary>
public sealed record GeneratedToken : GenerationEvent
{
    /// <summary>The emitted token with its entries.</summary>
    public required ConceptToken Token { get; init; }

    /// <summary>Text that this token completed; empty for special tokens and inside a character. The space that a SentencePiece tokenizer puts before a
    /// text is left out where the text begins: in the turn of a chat, or after a prompt without text, and not where the text of the prompt goes on.</summary>
    public required string Text { get; init; }

    /// <summary>Entropy in nats of the distribution at the token's temperature, before any filter.</summary>
    public required float Entropy { get; init; }

    /// <summary>Whether the token was sampled as a mixture.</summary>
    public required bool Soft { get; init; }

    /// <summary>Whether the token belongs to the thought, its markers included.</summary>
    public required bool Thinking { get; init; }

    /// <summary>Whether the token is part of a marker of the thought, and so of neither the thought nor the answer. An end marker that the
    /// model repeats in the answer is one, too.</summary>
    public required bool Marker { get; init; }

    /// <summary>Set on the token that ends the thought.</summary>
    public ThinkingEnd? ThinkingEnd { get; init; }

    /// <summary>Set where <see cref="GenerationRequest.LogProbs"/> asks for it.</summary>
    public TokenLogProbs? LogProbs { get; init; }

    /// <summary>How the token was sampled; set where <see cref="GenerationRequest.Record"/> asks for it.</summary>
    public TokenRecord? Record { get; init; }
}

/// <summary>Log-probabilities at one position, at temperature 1 and before any filter, penalties included.</summary>
/// <param name="Token">Of the emitted token.</param>
/// <param name="Top">Of the most likely ids, the most likely first.</param>
public sealed record TokenLogProbs(float Token, IReadOnlyList<(int Id, float LogProb)> Top);

/// <summary>The last event of a sample.</summary>
public sealed record GenerationFinished : GenerationEvent
{
    /// <summary>Why the sample ended.</summary>
    public required FinishReason Reason { get; init; }

    /// <summary>What matched; set where the reason is <see cref="FinishReason.Stop"/>.</summary>
    public StopMatch? Stop { get; init; }

    /// <summary>Tokens of the sample.</summary>
    public required Usage Usage { get; init; }

    /// <summary>How confident the sample was; set with <see cref="SamplingOptions.DeepConf"/>.</summary>
    public SampleConfidence? Confidence { get; init; }
}

/// <summary>The confidence of a sample, in nats: of a token, -1 times the mean of ln p over the 20 most likely ids. Answers of several samples
/// may be weighted with it.</summary>
/// <param name="Mean">Mean over all tokens.</param>
/// <param name="Least">The smallest mean of <see cref="DeepConfExit.Window"/> tokens in a row; of all where there are fewer.</param>
/// <param name="Bar">The mean below which the sample would have ended; null for one of the first samples, which set the bar.</param>
public sealed record SampleConfidence(float Mean, float Least, float? Bar);

/// <summary>What ended a sample: a stop string, or an id.</summary>
/// <param name="Text">The stop string that matched; null for an id.</param>
/// <param name="TokenId">The stop id or end-of-text id that was sampled; null for a string.</param>
public sealed record StopMatch(string? Text, int? TokenId);

/// <summary>Token counts of a sample.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Those of them whose keys and values were already in the cache.</param>
/// <param name="ThinkingTokens">Tokens of the thought, markers included.</param>
/// <param name="CompletionTokens">All generated tokens.</param>
public sealed record Usage(int PromptTokens, int CachedTokens, int ThinkingTokens, int CompletionTokens);
