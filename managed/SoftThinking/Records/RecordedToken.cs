namespace SoftThinking.Records;

/// <summary>A token in a <see cref="RecordFile"/>.</summary>
/// <param name="Token">The emitted token with its entries.</param>
/// <param name="Soft">Whether the sample was thinking when it was sampled.</param>
/// <param name="Record">How it was sampled.</param>
public sealed record RecordedToken(ConceptToken Token, bool Soft, TokenRecord Record);
