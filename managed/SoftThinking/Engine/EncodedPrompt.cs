using SoftThinking.Interop.Cuda;
using SoftThinking.Thinking;

namespace SoftThinking;

/// <summary>The positions of a prompt.</summary>
/// <param name="Tokens">A token for each position; any where a row of an embedding is.</param>
/// <param name="End">How the prompt leaves the thought.</param>
/// <param name="StartsText">Whether what is generated is a text of its own, that is, the turn of a chat or behind a prompt without text. Otherwise it follows
/// the prompt's text, and the space of its first word is part of it.</param>
/// <param name="Embeddings">Embeddings, each with its first position, in their order.</param>
internal sealed record EncodedPrompt(IReadOnlyList<ConceptToken> Tokens, PromptEnd End, bool StartsText, IReadOnlyList<(int First, EmbeddingPart Part)> Embeddings);
