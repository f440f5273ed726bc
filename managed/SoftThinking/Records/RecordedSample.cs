namespace SoftThinking.Records;

/// <summary>A sample in a <see cref="RecordFile"/>.</summary>
public sealed record RecordedSample
{
    /// <summary>The number that tells requests apart.</summary>
    public required int Request { get; init; }

    /// <summary>Which sample of the request, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The prompt.</summary>
    public required IReadOnlyList<ConceptToken> Prompt { get; init; }

    /// <summary>How it was sampled.</summary>
    public required SamplingOptions Sampling { get; init; }

    /// <summary>The limit of new tokens that the request named; null for none.</summary>
    public required int? MaxNewTokens { get; init; }

    /// <summary>Why the sample ended.</summary>
    public required FinishReason FinishReason { get; init; }

    /// <summary>The generated tokens.</summary>
    public required IReadOnlyList<RecordedToken> Tokens { get; init; }
}
