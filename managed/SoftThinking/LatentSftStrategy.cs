namespace SoftThinking;

/// <summary>Latent-SFT (arXiv 2510.15522): the most likely tokens by the softmax of their logits, without temperature and filters.</summary>
public sealed record LatentSftStrategy : ThinkingStrategy
{
    /// <inheritdoc/>
    public override string Name => "latent-sft";
}
