using SoftThinking.Tokenization;

namespace SoftThinking.Thinking;

/// <summary>How a prompt leaves its thought.</summary>
internal enum PromptState
{
    /// <summary>There is no marker.</summary>
    Unmarked,

    Open,

    Closed,
}

/// <summary>How a prompt ends.</summary>
/// <param name="OpenThought">Its end from the marker that opens the thought, such as "&lt;think&gt;\n"; empty where none is open.</param>
internal readonly record struct PromptEnd(PromptState State, string OpenThought)
{
    /// <summary>From the text that a chat template adds for the answer: the last marker decides.</summary>
    public static PromptEnd OfText(string addition, ThinkingMarkers markers)
    {
        int start = LastIndexOf(addition, markers.Start), end = LastIndexOf(addition, markers.End);
        return start < 0 && end < 0 ? new(PromptState.Unmarked, "")
            : start > end ? new(PromptState.Open, addition[start..])
            : new(PromptState.Closed, "");
    }

    /// <summary>From the tokens of a prompt: the last marker decides, if no special token, which marks a turn, follows it.</summary>
    public static PromptEnd OfTokens(IReadOnlyList<ConceptToken> tokens, ThinkingMarkers markers, Tokenizer tokenizer)
    {
        for (int length = tokens.Count; length > 0; length--)
        {
            if (EndsWith(tokens, length, markers.Start))
                return new(PromptState.Open, TextFrom(tokens, length - markers.Start!.Ids.Length, tokenizer));
            if (EndsWith(tokens, length, markers.End))
                return new(PromptState.Closed, "");
            if (tokenizer.IsSpecial(tokens[length - 1].Token))
                break;
        }
        return new(PromptState.Unmarked, "");
    }

    private static string TextFrom(IReadOnlyList<ConceptToken> tokens, int first, Tokenizer tokenizer) =>
        tokenizer.DecodeContinuation([.. tokens.Skip(first).Select(token => token.Token)]);

    private static int LastIndexOf(string text, Marker? marker) =>
        marker == null ? -1 : text.LastIndexOf(marker.Text, StringComparison.Ordinal);

    private static bool EndsWith(IReadOnlyList<ConceptToken> tokens, int length, Marker? marker)
    {
        if (marker == null || length < marker.Ids.Length)
            return false;
        for (int i = 0; i < marker.Ids.Length; i++)
        {
            if (tokens[length - marker.Ids.Length + i].Token != marker.Ids[i])
                return false;
        }
        return true;
    }
}
