namespace SoftThinking;

/// <summary>The result of a request.</summary>
/// <param name="Samples">The samples in order, at least one.</param>
public sealed record GenerationResult(IReadOnlyList<GeneratedSample> Samples)
{
    /// <summary>The first sample's answer.</summary>
    public string Answer => Samples[0].Answer;

    /// <summary>The first sample's thought.</summary>
    public string Thinking => Samples[0].Thinking;
}

/// <summary>One sample, from its first token to its end.</summary>
public sealed record GeneratedSample
{
    /// <summary>The generated tokens.</summary>
    public required IReadOnlyList<GeneratedToken> Tokens { get; init; }

    /// <summary>The seed of the sample's randomness.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Why the sample ended.</summary>
    public required FinishReason FinishReason { get; init; }

    /// <summary>What matched; set where the reason is <see cref="FinishReason.Stop"/>.</summary>
    public StopMatch? Stop { get; init; }

    /// <summary>Token counts.</summary>
    public required Usage Usage { get; init; }

    /// <summary>How confident the sample was; set with <see cref="SamplingOptions.DeepConf"/>.</summary>
    public SampleConfidence? Confidence { get; init; }

    /// <summary>All text, the markers of the thought included.</summary>
    public string Text => string.Concat(Tokens.Select(token => token.Text));

    /// <summary>The thought, without markers and without white space around it.</summary>
    public string Thinking => string.Concat(Tokens.Where(token => token.Thinking && !token.Marker).Select(token => token.Text)).Trim();

    /// <summary>What follows the thought, without white space around it.</summary>
    public string Answer => string.Concat(Tokens.Where(token => !token.Thinking && !token.Marker).Select(token => token.Text)).Trim();

    /// <summary>How the thought ended; null where it did not, or where there is none.</summary>
    public ThinkingEnd? ThinkingEnd => Tokens.FirstOrDefault(token => token.ThinkingEnd != null)?.ThinkingEnd;
}
