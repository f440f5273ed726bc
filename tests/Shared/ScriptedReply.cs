namespace SoftThinking.Tests;

/// <summary>What a <see cref="ScriptedModel"/> says.</summary>
/// <param name="Trigger">The token that the prompt ends with where this is the reply, such as "&lt;|plain|&gt;".</param>
/// <param name="Pieces">The text of each token, in order. A piece may be a marker or a special token: "&lt;/think&gt;", "[TOOL_CALLS]". The
/// end of text follows.</param>
internal sealed record ScriptedReply(string Trigger, params string[] Pieces);
