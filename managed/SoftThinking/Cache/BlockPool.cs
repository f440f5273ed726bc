namespace SoftThinking.Cache;

/// <summary>What a block holds: the keys and values of the last 16 positions of a prefix, in a group of layers.</summary>
internal readonly record struct BlockContent(PrefixHash Prefix, int Group);

/// <summary>Reference counts of the KV cache's blocks, and an index of the blocks that hold a known prefix. A block without
/// references keeps its content until the block is needed; the least recently used one is evicted first.</summary>
internal sealed class BlockPool
{
    private const int None = -1;

    private readonly int[] _references;
    private readonly BlockContent[] _contents; // default: the block is not registered
    private readonly Dictionary<BlockContent, int> _registered;

    // Unreferenced blocks, a doubly linked list in order of eviction: empty ones, then the least recently used.
    private readonly int[] _previous;
    private readonly int[] _next;
    private int _first = None;
    private int _last = None;

    public BlockPool(int blocks)
    {
        _references = new int[blocks];
        _contents = new BlockContent[blocks];
        _registered = new Dictionary<BlockContent, int>(blocks);
        (_previous, _next) = (new int[blocks], new int[blocks]);
        for (int block = blocks - 1; block >= 0; block--)
            LinkFirst(block);
        Available = blocks;
    }

    public int Blocks => _references.Length;

    /// <summary>Blocks without references, those with a prefix included.</summary>
    public int Available { get; private set; }

    /// <summary>Returns a block with one reference. At least one must be available.</summary>
    public int Allocate()
    {
        int block = _first;
        if (block == None)
            throw new InvalidOperationException("no block is available");
        if (_contents[block] != default)
        {
            _registered.Remove(_contents[block]);
            _contents[block] = default;
        }
        Retain(block);
        return block;
    }

    /// <summary>Adds a reference to a block.</summary>
    public void Retain(int block)
    {
        if (_references[block]++ > 0)
            return;
        Unlink(block);
        Available--;
    }

    /// <summary>Removes a reference from a block.</summary>
    public void Release(int block)
    {
        if (_references[block] == 0)
            throw new InvalidOperationException($"block {block} is not in use");
        if (--_references[block] > 0)
            return;
        if (_contents[block] == default)
            LinkFirst(block);
        else
            LinkLast(block);
        Available++;
    }

    /// <summary>Whether a block has no references.</summary>
    public bool IsUnused(int block) => _references[block] == 0;

    /// <summary>Registers a full block under its content; an existing entry is kept.</summary>
    public void Register(int block, BlockContent content)
    {
        if (_registered.TryAdd(content, block))
            _contents[block] = content;
    }

    public bool TryFind(BlockContent content, out int block) => _registered.TryGetValue(content, out block);

    private void LinkFirst(int block)
    {
        (_previous[block], _next[block]) = (None, _first);
        if (_first == None)
            _last = block;
        else
            _previous[_first] = block;
        _first = block;
    }

    private void LinkLast(int block)
    {
        (_previous[block], _next[block]) = (_last, None);
        if (_last == None)
            _first = block;
        else
            _next[_last] = block;
        _last = block;
    }

    private void Unlink(int block)
    {
        if (_previous[block] == None)
            _first = _next[block];
        else
            _next[_previous[block]] = _next[block];
        if (_next[block] == None)
            _last = _previous[block];
        else
            _previous[_next[block]] = _previous[block];
    }
}
