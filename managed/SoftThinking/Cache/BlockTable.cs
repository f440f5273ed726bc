namespace SoftThinking.Cache;

/// <summary>The blocks that a sequence has in a group of layers, one for each 16 positions. A leading part may be absent: positions that no
/// later row of the sequence sees.</summary>
internal sealed class BlockTable(int capacity)
{
    private readonly List<int> _blocks = new(capacity);

    /// <summary>Blocks up to the last position, absent ones included.</summary>
    public int Count => _blocks.Count;

    /// <summary>The first block that is held.</summary>
    public int First { get; private set; }

    public int this[int index] => _blocks[index];

    /// <summary>Adds a block that the sequence holds a reference to.</summary>
    public void Add(int block) => _blocks.Add(block);

    /// <summary>Adds an absent block; all before it must be absent.</summary>
    public void AddAbsent()
    {
        _blocks.Add(-1);
        First = _blocks.Count;
    }

    /// <summary>Releases the blocks before one.</summary>
    public void ReleaseBefore(int index, BlockPool pool)
    {
        for (; First < index; First++)
        {
            pool.Release(_blocks[First]);
            _blocks[First] = -1;
        }
    }

    /// <summary>Releases all blocks. In reverse order: the start of a prefix is the most valuable, so it should be evicted last.</summary>
    public void Clear(BlockPool pool)
    {
        for (int i = _blocks.Count - 1; i >= First; i--)
            pool.Release(_blocks[i]);
        _blocks.Clear();
        First = 0;
    }
}
