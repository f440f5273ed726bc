using SoftThinking.Checkpoints;

namespace SoftThinking.Cache;

/// <summary>A layer's group, whose block table it reads, and its place in each of the group's blocks.</summary>
internal readonly record struct LayerPlace(int Group, int Place);

/// <summary>How the layers of a model share the blocks of a KV cache. Layers with the same window keep the same positions, so they form
/// groups, each with a block table of its own; a sequence holds a block of a group only while some row may still see one of its
/// positions. All groups have the same number of layers, the last of a window maybe fewer, so that any block serves any group and one
/// pool has them all.</summary>
internal sealed class KvLayout
{
    private KvLayout(int layersPerBlock, int?[] windows, LayerPlace[] layers)
    {
        (LayersPerBlock, Windows, Layers) = (layersPerBlock, windows, layers);
    }

    /// <summary>Layers whose keys and values of 16 positions are in a block.</summary>
    public int LayersPerBlock { get; }

    /// <summary>Of each group, the positions that a row sees, its own included; null: all up to its own.</summary>
    public IReadOnlyList<int?> Windows { get; }

    /// <summary>Of each layer.</summary>
    public IReadOnlyList<LayerPlace> Layers { get; }

    public int Groups => Windows.Count;

    /// <summary>One group of layers that see all positions.</summary>
    public static KvLayout Whole { get; } = OfWindows([null]);

    public static KvLayout Of(ModelConfig config) => OfWindows([.. config.LayerConfigs.Select(layer => layer.Window)]);

    /// <param name="windows">Of each layer; null: all positions.</param>
    public static KvLayout OfWindows(int?[] windows)
    {
        var kinds = windows.Index().GroupBy(layer => layer.Item, layer => layer.Index).ToArray();
        int layersPerBlock = kinds.Min(kind => kind.Count());
        List<int?> groups = [];
        LayerPlace[] layers = new LayerPlace[windows.Length];
        foreach (IGrouping<int?, int> kind in kinds)
        {
            foreach (int[] group in kind.Chunk(layersPerBlock))
            {
                for (int place = 0; place < group.Length; place++)
                    layers[group[place]] = new(groups.Count, place);
                groups.Add(kind.Key);
            }
        }
        return new(layersPerBlock, [.. groups], layers);
    }

    /// <summary>The first block that rows from a position on may see.</summary>
    public int FirstSeen(int group, int position) =>
        Windows[group] is int window ? Math.Max(0, position - window + 1) / KvCache.BlockPositions : 0;

    /// <summary>Maximum blocks that a sequence holds at once, in all groups, while its rows are computed.</summary>
    /// <param name="positions">Of the sequence.</param>
    /// <param name="stepRows">Maximum rows of it in a step.</param>
    public long BlocksHeld(int positions, int stepRows)
    {
        long blocks = 0;
        foreach (int? window in Windows)
        {
            int all = KvCache.BlocksFor(positions);
            blocks += window is int seen ? Math.Min(all, BlocksAround((long)seen + stepRows)) : all;
        }
        return blocks;
    }

    /// <summary>Maximum positions of a sequence that fits into a pool.</summary>
    /// <param name="most">Result where blocks do not limit it.</param>
    public int ContextOf(int blocks, int most, int stepRows)
    {
        // The least number of blocks per group that is too many.
        int fits = 0, exceeds = KvCache.BlocksFor(most) + 1;
        while (exceeds - fits > 1)
        {
            int middle = fits + (exceeds - fits) / 2;
            bool suffices = BlocksHeld((int)Math.Min(most, (long)middle * KvCache.BlockPositions), stepRows) <= blocks;
            (fits, exceeds) = suffices ? (middle, exceeds) : (fits, middle);
        }
        return (int)Math.Min(most, (long)fits * KvCache.BlockPositions);
    }

    // Blocks of adjacent positions, wherever they begin.
    private static long BlocksAround(long positions) => (positions + 2 * KvCache.BlockPositions - 2) / KvCache.BlockPositions;
}
