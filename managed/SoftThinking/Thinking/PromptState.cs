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

/// <summary>Finds how a prompt leaves its thought: the last marker decides.</summary>
internal static class PromptStates
{
    /// <summary>From the text that a chat template adds for the answer.</summary>
    public static PromptState OfText(string addition, ThinkingMarkers markers)
    {
        int start = LastIndexOf(addition, markers.Start), end = LastIndexOf(addition, markers.End);
        return start < 0 && end < 0 ? PromptState.Unmarked : start > end ? PromptState.Open : PromptState.Closed;
    }

    /// <summary>From the tokens of a prompt: a marker counts if no special token, which marks a turn, follows it.</summary>
    public static PromptState OfTokens(IReadOnlyList<ConceptToken> tokens, ThinkingMarkers markers, Tokenizer tokenizer)
    {
        for (int length = tokens.Count; length > 0; length--)
        {
            if (EndsWith(tokens, length, markers.Start))
                return PromptState.Open;
            if (EndsWith(tokens, length, markers.End))
                return PromptState.Closed;
            if (tokenizer.IsSpecial(tokens[length - 1].Token))
                return PromptState.Unmarked;
        }
        return PromptState.Unmarked;
    }

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
