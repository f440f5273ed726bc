namespace SoftThinking.Tests.Chat;

/// <summary>Texts as generated tokens.</summary>
internal static class AnswerTokens
{
    /// <summary>A token with a text.</summary>
    public static GeneratedToken Of(string text, int id = 'x', bool thinking = false, bool marker = false) => new()
    {
        Token = new ConceptToken(id),
        Text = text,
        Entropy = 0,
        Soft = false,
        Thinking = thinking,
        Marker = marker,
    };

    /// <summary>A text in random pieces, some empty; no surrogate pair is divided, as no token's text divides one.</summary>
    public static IEnumerable<string> Pieces(string text, Random random, int longest)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = Math.Min(text.Length, start + random.Next(longest + 1));
            if (end > start && end < text.Length && char.IsSurrogatePair(text[end - 1], text[end]))
                end++;
            yield return text[start..end];
            start = end;
        }
    }
}
