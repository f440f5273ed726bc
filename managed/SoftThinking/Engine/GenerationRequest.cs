namespace SoftThinking;

/// <summary>Number format of the KV cache.</summary>
public enum KvDtype
{
    /// <summary>2 bytes an element.</summary>
    Bf16,

    /// <summary>4 bytes an element.</summary>
    F32,
}

/// <summary>How an engine is set up.</summary>
public sealed record EngineOptions
{
    /// <summary>Threads that compute: 1 to 1024; 0 for as many as the process may use.</summary>
    public int Threads
    {
        get;
        init => field = OptionRange.Check(value, 0, 1024, "0 to 1024");
    }

    /// <summary>Number format of the KV cache.</summary>
    public KvDtype KvDtype { get; init; } = KvDtype.Bf16;

    /// <summary>Told the fraction of the weights that is loaded, 0 to 1, on the loading thread.</summary>
    public Action<double>? LoadProgress { get; init; }
}

/// <summary>What to generate from, and how.</summary>
public sealed record GenerationRequest
{
    /// <summary>The prompt, at least one concept token; ids within the model's vocabulary.</summary>
    public required IReadOnlyList<ConceptToken> Prompt { get; init; }

    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Most steps to take, 1 or more; null for as many as the model's context holds.</summary>
    public int? MaxNewTokens
    {
        get;
        init => field = value is int tokens ? OptionRange.Check(tokens, 1, int.MaxValue, "1 or more") : null;
    }
}

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

/// <summary>One step of a generation.</summary>
public sealed record GenerationStep
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

    /// <summary>Set on the last step.</summary>
    public FinishReason? FinishReason { get; init; }
}
