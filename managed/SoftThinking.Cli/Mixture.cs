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
    public static Mixture? Of(GenerationStep step, Tokenizer tokenizer)
    {
        ConceptToken token = step.Token;
        bool uncertain = step.Soft && step.Thinking && token.Ids.Length > 1 && token.Weights[0] < Certain;
        if (!uncertain || step.Text != tokenizer.Decode([token.Head], skipSpecialTokens: false))
            return null;
        string head = step.Text.Trim();
        int start = head.Length == 0 ? 0 : step.Text.IndexOf(head, StringComparison.Ordinal);
        bool spaced = step.Text.StartsWith(' ');
        return new Mixture(
            step.Text[..start],
            head.Length > 0 ? head : TokenText.Visible(tokenizer, token.Head),
            TokenText.Percent(token.Weights[0]),
            [.. RunnersUpOf(token).Select(i => (NameOf(token.Ids[i], spaced, tokenizer), TokenText.Percent(token.Weights[i])))],
            step.Text[(start + head.Length)..]);
    }

    private static IEnumerable<int> RunnersUpOf(ConceptToken token) =>
        Enumerable.Range(1, token.Ids.Length - 1).TakeWhile(i => i <= MostRunnersUp && (i == 1 || token.Weights[i] >= Notable));

    // The space before a word is the rule, and says nothing where the head has it too.
    private static string NameOf(int id, bool spaced, Tokenizer tokenizer)
    {
        string shown = TokenText.Visible(tokenizer, id);
        return spaced && shown.Length > 1 && shown[0] == '␣' ? shown[1..] : shown;
    }
}
