namespace SoftThinking.Chat;

/// <summary>Divides one sample of a reply into blocks, as it is generated: what a <see cref="ChatReader"/> returns as pieces, in
/// order.</summary>
/// <param name="withThought">Whether the thought is a block, or left out.</param>
public sealed class ReplyBlocks(bool withThought)
{
    private readonly List<ReplyBlock> _blocks = [];
    private readonly List<GeneratedToken> _pending = []; // precede the text of their block
    private List<BlockChange> _changes = [];

    /// <summary>The blocks so far.</summary>
    public IReadOnlyList<ReplyBlock> All => _blocks;

    private ReplyBlock? Open => _blocks.Count > 0 ? _blocks[^1] : null;

    /// <summary>Adds the next piece, and returns what it changes.</summary>
    /// <exception cref="ArgumentNullException">The piece is null.</exception>
    public IReadOnlyList<BlockChange> Add(ChatDelta delta)
    {
        ArgumentNullException.ThrowIfNull(delta);
        _changes = [];
        if (delta.Token is { Thinking: true } && !withThought)
            return _changes;
        if (delta.Token is GeneratedToken token)
            _pending.Add(token);
        if (delta.Reasoning.Length > 0)
            AddText(BlockKind.Thought, delta.Reasoning);
        // A token may end a call, then have text, and then begin another call.
        int ending = delta.ToolCalls.TakeWhile(call => call.Id == null).Count();
        foreach (ToolCallDelta call in delta.ToolCalls.Take(ending))
            AddToCall(call);
        if (delta.Content.Length > 0)
            AddText(BlockKind.Text, delta.Content);
        foreach (ToolCallDelta call in delta.ToolCalls.Skip(ending))
            AddToCall(call);
        if (delta.IsEmpty && Open is ReplyBlock open && (open.Kind == BlockKind.Thought) == (delta.Token is { Thinking: true }))
            Extend(open, "");
        return _changes;
    }

    /// <summary>The sample has ended.</summary>
    public IReadOnlyList<BlockChange> End()
    {
        _changes = [];
        if (Open is not ReplyBlock open)
            return _changes;
        if (_pending.Count > 0)
            Extend(open, "");
        _changes.Add(new BlockEnded(open));
        return _changes;
    }

    private void AddText(BlockKind kind, string text) => Extend(Open is ReplyBlock open && open.Kind == kind ? open : Begin(new ReplyBlock(kind, _blocks.Count)), text);

    private void AddToCall(ToolCallDelta call)
    {
        ReplyBlock block = call.Id != null
            ? Begin(new ReplyBlock(BlockKind.ToolCall, _blocks.Count) { CallId = call.Id, ToolName = call.Name! })
            : _blocks.Last(block => block.Kind == BlockKind.ToolCall);
        Extend(block, call.Arguments);
    }

    private ReplyBlock Begin(ReplyBlock block)
    {
        if (Open is ReplyBlock open)
            _changes.Add(new BlockEnded(open));
        _blocks.Add(block);
        _changes.Add(new BlockBegun(block));
        return block;
    }

    private void Extend(ReplyBlock block, string text)
    {
        GeneratedToken[] tokens = [.. _pending];
        _pending.Clear();
        block.Add(text, tokens);
        _changes.Add(new BlockExtended(block, text, tokens));
    }
}
