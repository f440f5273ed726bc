using SoftThinking.Thinking;

namespace SoftThinking;

/// <summary>A request that was checked and encoded; it can be submitted several times.</summary>
/// <param name="Prompt">The prompt's tokens.</param>
/// <param name="OpenThought">End of the prompt that opens a thought; empty where none is open.</param>
/// <param name="Setup">The options as the device reads them, all but the seed.</param>
/// <param name="MaxNewTokens">Tokens that a sample ends at.</param>
internal sealed record PreparedRequest(
    GenerationRequest Request, IReadOnlyList<ConceptToken> Prompt, string OpenThought, SlotSetup Setup, int MaxNewTokens);
