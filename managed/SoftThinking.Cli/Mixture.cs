using System.Collections.Immutable;
using SoftThinking.Tokenization;

namespace SoftThinking.Cli;

/// <summary>An uncertain thought for display: `so⁷⁰|thus²⁰`, the text of the emitted token with its weight in percent, then
/// the runners-up with theirs.</summary>
/// <param name="Before">Leading white space of the token, unchanged.</param>
/// <param name="Token">The token without outer white space; made visible if it is nothing but white space.</param>
/// <param name="Weight">Weight of the token.</param>
/// <param name="RunnersUp">The other entries, most likely first.</param>
/// <param name="After">Trailing white space of the token, unchanged.</param>
internal sealed record Mixture(
    string Before, string Token, string Weight, ImmutableArray<(string Text, string Weight)> RunnersUp, string After)
{
    /// <summary>A token below this weight is uncertain.</summary>
    private const float Certain = 0.9f;

    /// <summary>Runners-up below this weight are not shown, except for the first one.</summary>
    private const float Notable = 0.05f;

    private const int MaxRunnersUp = 3;

    /// <summary>The mixture of a generated token; null if it is certain, or if its text is not a whole number of characters.</summary>
    public static Mixture? Of(GeneratedToken generated, Tokenizer tokenizer)
    {
        ConceptToken token = generated.Token;
        bool uncertain = generated.Soft && generated.Thinking && token.Count > 1 && token.Entries[0].Weight < Certain;
        string whole = tokenizer.TokenText(token.Token);
        if (!uncertain || (generated.Text != whole && generated.Text != tokenizer.Decode([token.Token], skipSpecialTokens: false)))
            return null;
        string text = generated.Text.Trim();
        int start = text.Length == 0 ? 0 : generated.Text.IndexOf(text, StringComparison.Ordinal);
        bool spaced = whole.StartsWith(' '); // also where the text begins, and its space was left out
        return new Mixture(
            generated.Text[..start],
            text.Length > 0 ? text : TokenText.Visible(tokenizer, token.Token),
            TokenText.Percent(token.Entries[0].Weight),
            [.. RunnersUpOf(token).Select(i => (NameOf(token.Entries[i].Id, spaced, tokenizer), TokenText.Percent(token.Entries[i].Weight)))],
            generated.Text[(start + text.Length)..]);
    }

    private static IEnumerable<int> RunnersUpOf(ConceptToken token) =>
        Enumerable.Range(1, token.Count - 1).TakeWhile(i => i <= MaxRunnersUp && (i == 1 || token.Entries[i].Weight >= Notable));

    // Most words start with a space; it is not shown if the emitted token starts with one too.
    private static string NameOf(int id, bool spaced, Tokenizer tokenizer)
    {
        string shown = TokenText.Visible(tokenizer, id);
        return spaced && shown.Length > 1 && shown[0] == '␣' ? shown[1..] : shown;
    }
}
