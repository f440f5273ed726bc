namespace SoftThinking;

/// <summary>One entry of a <see cref="ConceptToken"/>.</summary>
/// <param name="Id">Token id, 0 or more.</param>
/// <param name="Weight">Weight of the id's embedding: 0 to 1, finite.</param>
public readonly record struct ConceptEntry(int Id, float Weight);
