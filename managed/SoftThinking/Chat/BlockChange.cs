namespace SoftThinking.Chat;

/// <summary>A change of a block: begun, then extended, then ended. Only one block is open at a time.</summary>
/// <param name="Block">The block.</param>
public abstract record BlockChange(ReplyBlock Block);

/// <summary>A block was begun.</summary>
/// <param name="Block">The block, which is empty so far.</param>
public sealed record BlockBegun(ReplyBlock Block) : BlockChange(Block);

/// <summary>A block was extended.</summary>
/// <param name="Block">The block.</param>
/// <param name="Text">What was added to the text; may be empty.</param>
/// <param name="Tokens">The tokens that were added.</param>
public sealed record BlockExtended(ReplyBlock Block, string Text, IReadOnlyList<GeneratedToken> Tokens) : BlockChange(Block);

/// <summary>A block has ended.</summary>
/// <param name="Block">The block, which is complete.</param>
public sealed record BlockEnded(ReplyBlock Block) : BlockChange(Block);
