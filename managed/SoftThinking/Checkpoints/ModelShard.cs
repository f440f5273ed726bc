namespace SoftThinking.Checkpoints;

/// <summary>What one of several ranks holds of a model: query heads with the KV heads that they read, columns of the feed-forward
/// network or experts, and ids of the vocabulary. Norms and biases of sums are on every rank.</summary>
/// <param name="Weights">Format of the matrices in memory, whose tiles no rank cuts.</param>
internal sealed record ModelShard(ModelConfig Whole, int Rank, int Ranks, MatrixFormat Weights)
{
    /// <summary>Query heads.</summary>
    public Window Heads => Share(Whole.Heads);

    /// <summary>KV heads. If there are fewer than ranks, several ranks hold the same one.</summary>
    public Window KvHeads => Whole.KvHeads % Ranks == 0 ? Share(Whole.KvHeads) : new(Rank * Whole.KvHeads / Ranks, 1, Whole.KvHeads);

    /// <summary>Columns of the feed-forward network, in whole tiles.</summary>
    public Window Ffn => Window.Between(TileBegin(Rank), TileBegin(Rank + 1), Whole.FfnSize);

    /// <summary>Experts of a layer that has so many. None is cut.</summary>
    public Window Experts(int count) => Share(count);

    /// <summary>Ids of the vocabulary.</summary>
    public Window Ids => Share(Whole.VocabularySize);

    private int Tile => Weights.Tile;

    private int FfnTiles => (Whole.FfnSize + Tile - 1) / Tile;

    /// <summary>All of a model.</summary>
    public static ModelShard All(ModelConfig config) => new(config, 0, 1, MatrixFormat.F32);

    /// <summary>The shard of a rank.</summary>
    /// <param name="weights">Format of the matrices in memory.</param>
    /// <exception cref="ArgumentException">The model cannot be divided among this many ranks; the message says among how many it can.</exception>
    public static ModelShard Make(ModelConfig config, int rank, int ranks, MatrixFormat weights)
    {
        ModelShard shard = new(config, rank, ranks, weights);
        if (shard.Problem() is string problem)
        {
            int[] possible = [.. Enumerable.Range(2, 63).Where(n => (shard with { Rank = 0, Ranks = n }).Problem() == null)];
            string instead = possible.Length == 0 ? "it can only run on one device" : $"possible are {string.Join(", ", possible)}";
            throw new ArgumentException($"this model cannot be divided among {ranks} devices, because {problem}; {instead}");
        }
        return shard;
    }

    private string? Problem()
    {
        if (Ranks == 1)
            return null;
        if (Whole.Heads % Ranks != 0)
            return $"it has {Whole.Heads} attention heads";
        if (Whole.KvHeads % Ranks != 0 && Ranks % Whole.KvHeads != 0)
            return $"it has {Whole.KvHeads} heads of keys and values";
        if (Whole.Heads / Ranks * Whole.HeadDim % Tile != 0)
            return $"{Whole.Heads / Ranks} heads of {Whole.HeadDim} elements are not a multiple of {Tile}, the columns of a {Weights.TileName}";
        if (Whole.LayerConfigs.Any(layer => layer.QkNorm == QkNormKind.AllHeads))
            return "its norms of queries and keys span all heads";
        if (FfnTiles < Ranks)
            return $"its feed-forward network has {FfnTiles} tiles of {Tile} columns";
        if (Whole.LayerConfigs.Select(layer => layer.Experts?.Count).FirstOrDefault(count => count < Ranks) is int experts)
            return $"a layer has {experts} experts";
        return Whole.VocabularySize < Ranks ? $"its vocabulary has {Whole.VocabularySize} ids" : null;
    }

    private int TileBegin(int rank) => Math.Min((int)((long)rank * FfnTiles / Ranks) * Tile, Whole.FfnSize);

    // As shard_begin of the backends.
    private Window Share(int total) => Window.Between((int)((long)Rank * total / Ranks), (int)((Rank + 1L) * total / Ranks), total);
}
