using System.Collections.Immutable;
using SoftThinking.Tokenization;

namespace SoftThinking.Cli;

/// <summary>An uncertain thought as people see it: `so⁷⁰|thus²⁰`, the text of the head with its weight in per cent, then
/// the runners-up with theirs.</summary>
/// <param name="Before">White space of the head, as it is.</param>
/// <param name="Head">The head without it; written visibly where it is nothing but white space.</param>
/// <param name="Weight">Weight of the head.</param>
/// <param name="RunnersUp">What follows the head, likeliest first.</param>
/// <param name="After">White space of the head, as it is.</param>
internal sealed record Mixture(
    string Before, string Head, string Weight, ImmutableArray<(string Text, string Weight)> RunnersUp, string After)
{
    /// <summary>A head below this weight is uncertain.</summary>
    private const float Certain = 0.9f;

    /// <summary>Runners-up below this weight are not worth a reader's time, but for the first one.</summary>
    private const float Notable = 0.05f;

    private const int MostRunnersUp = 3;

    /// <summary>The mixture of a step; null where it is certain, or where its text is no whole number of characters.</summary>
    public static Mixture? Of(GeneratedToken generated, Tokenizer tokenizer)
    {
        ConceptToken token = generated.Token;
        bool uncertain = generated.Soft && generated.Thinking && token.Count > 1 && token.Entries[0].Weight < Certain;
        if (!uncertain || generated.Text != tokenizer.Decode([token.Token], skipSpecialTokens: false))
            return null;
        string head = generated.Text.Trim();
        int start = head.Length == 0 ? 0 : generated.Text.IndexOf(head, StringComparison.Ordinal);
        bool spaced = generated.Text.StartsWith(' ');
        return new Mixture(
            generated.Text[..start],
            head.Length > 0 ? head : TokenText.Visible(tokenizer, token.Token),
            TokenText.Percent(token.Entries[0].Weight),
            [.. RunnersUpOf(token).Select(i => (NameOf(token.Entries[i].Id, spaced, tokenizer), TokenText.Percent(token.Entries[i].Weight)))],
            generated.Text[(start + head.Length)..]);
    }

    private static IEnumerable<int> RunnersUpOf(ConceptToken token) =>
        Enumerable.Range(1, token.Count - 1).TakeWhile(i => i <= MostRunnersUp && (i == 1 || token.Entries[i].Weight >= Notable));

    // The space before a word is the rule, and says nothing where the head has it too.
    private static string NameOf(int id, bool spaced, Tokenizer tokenizer)
    {
        string shown = TokenText.Visible(tokenizer, id);
        return spaced && shown.Length > 1 && shown[0] == '␣' ? shown[1..] : shown;
    }
}
