namespace SoftThinking.Diagnostics;

/// <summary>What one of several devices that share a model holds and needs.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Heads of keys and values; the same ones on several devices if there are fewer than devices.</param>
/// <param name="FfnColumns">Columns of the feed-forward network.</param>
/// <param name="VocabularyIds">Ids whose rows of the embedding and of the LM head it holds.</param>
/// <param name="WeightBytes">Bytes of the weights in memory, packed.</param>
/// <param name="KvBytes">Bytes of keys and values that a text of the full context holds at once.</param>
/// <param name="WorkBytes">Bytes of everything else while one text of the full context is generated.</param>
public sealed record RankInspection(
    Range Heads, Range KvHeads, Range FfnColumns, Range VocabularyIds, long WeightBytes, long KvBytes, long WorkBytes)
{
    /// <summary>Bytes that generating over the full context takes on this device.</summary>
    public long NeededBytes => WeightBytes + KvBytes + WorkBytes;
}
