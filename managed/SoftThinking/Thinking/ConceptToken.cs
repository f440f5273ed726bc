using System.Collections.Immutable;

namespace SoftThinking;

/// <summary>The unit of every position of a sequence: a mixture of tokens. A plain token is the mixture of one.</summary>
/// <param name="Ids">Token ids, likeliest first, ties by lower id; at least one.</param>
/// <param name="Weights">Weight of each id: above 0, descending, sum 1.</param>
public readonly record struct ConceptToken(ImmutableArray<int> Ids, ImmutableArray<float> Weights)
{
    /// <summary>A plain token.</summary>
    public ConceptToken(int id)
        : this([id], [1f])
    {
    }

    /// <summary>The first id: what is shown, penalised, matched against stop ids and streamed.</summary>
    public int Head => Ids[0];
}
