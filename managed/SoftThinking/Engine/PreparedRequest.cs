using SoftThinking.Thinking;

namespace SoftThinking;

/// <summary>A request that was checked and encoded; it can be submitted several times.</summary>
/// <param name="Encoded">The prompt.</param>
/// <param name="Setup">The options as the device reads them, all but the seed.</param>
/// <param name="MaxNewTokens">Tokens that a sample ends at.</param>
internal sealed record PreparedRequest(
    GenerationRequest Request, EncodedPrompt Encoded, SlotSetup Setup, int MaxNewTokens)
{
    /// <summary>The prompt's tokens.</summary>
    public IReadOnlyList<ConceptToken> Prompt => Encoded.Tokens;

    /// <summary>End of the prompt that opens a thought; empty where none is open.</summary>
    public string OpenThought => Encoded.End.OpenThought;
}
