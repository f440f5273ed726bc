namespace SoftThinking.Server.Calls;

/// <summary>A change of a block: begun, then extended, then ended. Only one block is open at a time.</summary>
internal abstract record BlockChange(ReplyBlock Block);

internal sealed record BlockBegun(ReplyBlock Block) : BlockChange(Block);

/// <param name="Text">What was added to the text; may be empty.</param>
/// <param name="Tokens">The tokens that were added.</param>
internal sealed record BlockExtended(ReplyBlock Block, string Text, IReadOnlyList<GeneratedToken> Tokens) : BlockChange(Block);

internal sealed record BlockEnded(ReplyBlock Block) : BlockChange(Block);
