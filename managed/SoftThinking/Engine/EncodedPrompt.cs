using SoftThinking.Interop.Cuda;
using SoftThinking.Thinking;

namespace SoftThinking;

/// <summary>The positions of a prompt.</summary>
/// <param name="Tokens">A token for each position; any where a row of an embedding is.</param>
/// <param name="End">How the prompt leaves the thought.</param>
/// <param name="Embeddings">Embeddings, each with its first position, in their order.</param>
internal sealed record EncodedPrompt(IReadOnlyList<ConceptToken> Tokens, PromptEnd End, IReadOnlyList<(int First, EmbeddingPart Part)> Embeddings);
