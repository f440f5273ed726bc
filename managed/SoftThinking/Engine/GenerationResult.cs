namespace SoftThinking;

/// <summary>What a request gave.</summary>
public sealed record GenerationResult(IReadOnlyList<GeneratedSample> Samples)
{
    /// <summary>The first sample's answer.</summary>
    public string Answer => Samples[0].Answer;
}

/// <summary>One sample, from its first step to its end.</summary>
public sealed record GeneratedSample(IReadOnlyList<GenerationStep> Steps, FinishReason FinishReason, Usage Usage)
{
    /// <summary>All text, markers of the thought included.</summary>
    public string Text => string.Concat(Steps.Select(step => step.Text));

    /// <summary>The thought, without markers and outer white space.</summary>
    public string Thinking => string.Concat(Steps.Where(step => step.Thinking && !step.Marker).Select(step => step.Text)).Trim();

    /// <summary>What follows the thought, without outer white space.</summary>
    public string Answer => string.Concat(Steps.Where(step => !step.Thinking && !step.Marker).Select(step => step.Text)).Trim();

    /// <summary>How the thought ended; null where it did not, or where there is none.</summary>
    public ThinkingEnd? ThinkingEnd => Steps.FirstOrDefault(step => step.ThinkingEnd != null)?.ThinkingEnd;
}
