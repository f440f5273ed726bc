namespace SoftThinking;

/// <summary>Why generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended its text.</summary>
    Stop,

    /// <summary>The limit of steps or the context was reached.</summary>
    Length,

    /// <summary>The answer was certain for too long.</summary>
    ColdStop,
}

/// <summary>Why thinking ended.</summary>
public enum ThinkingEnd
{
    /// <summary>The model said so itself.</summary>
    Model,

    /// <summary>The thoughts were certain for too long.</summary>
    ColdStop,

    /// <summary>The thinking budget was used up.</summary>
    Budget,
}

/// <summary>Something that happened to one sample of a generation.</summary>
public abstract record GenerationEvent
{
    /// <summary>Which sample, from 0.</summary>
    public int Sample { get; init; }
}

/// <summary>One step: a concept token, and the text that it completed.</summary>
public sealed record GenerationStep : GenerationEvent
{
    public required ConceptToken Token { get; init; }

    /// <summary>Text that this step completed; empty for special tokens and inside a character.</summary>
    public required string Text { get; init; }

    /// <summary>Entropy in nats of the distribution at the step's temperature, before any filter.</summary>
    public required float Entropy { get; init; }

    /// <summary>Whether the step was sampled as a mixture.</summary>
    public required bool Soft { get; init; }

    /// <summary>Whether the step belongs to the thought, the token that ends it included.</summary>
    public required bool Thinking { get; init; }

    /// <summary>Whether the step is a marker of the thought, not text of it.</summary>
    public required bool Marker { get; init; }

    /// <summary>Set on the step that ends the thought.</summary>
    public ThinkingEnd? ThinkingEnd { get; init; }

    /// <summary>Set where <see cref="GenerationRequest.LogProbs"/> asks for it.</summary>
    public StepLogProbs? LogProbs { get; init; }
}

/// <summary>Log-probabilities of a step, at temperature 1 and before any filter, penalties included.</summary>
/// <param name="Head">Of the step's head.</param>
/// <param name="Top">Of the likeliest ids, likeliest first.</param>
public sealed record StepLogProbs(float Head, IReadOnlyList<(int Id, float LogProb)> Top);

/// <summary>The last event of a sample.</summary>
public sealed record GenerationFinished : GenerationEvent
{
    public required FinishReason Reason { get; init; }

    public required Usage Usage { get; init; }
}

/// <summary>Tokens that a sample took.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Those of them whose keys and values were there already.</param>
/// <param name="ThinkingTokens">Steps of the thought, the one that ends it included.</param>
/// <param name="CompletionTokens">All steps.</param>
public sealed record Usage(int PromptTokens, int CachedTokens, int ThinkingTokens, int CompletionTokens);
