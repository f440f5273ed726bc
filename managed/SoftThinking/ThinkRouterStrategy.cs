namespace SoftThinking;

/// <summary>ThinkRouter (arXiv 2602.11683): a mixture where the model is sure of its next token, a single draw where it is not.</summary>
public sealed record ThinkRouterStrategy : ThinkingStrategy
{
    /// <inheritdoc/>
    public override string Name => "think-router";

    /// <summary>Largest probability from which a thought is a mixture: 0 to 1.</summary>
    public float RouterThreshold
    {
        get;
        init => field = OptionRange.Check(value, 0, 1, "0 to 1");
    } = 0.5f;
}
