using SoftThinking.Evaluation.Judging.Algebra;
using SoftThinking.Evaluation.Judging.Reading;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Words equal words, whatever their case and punctuation.</summary>
internal static class TextRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b) => (a, b) switch
    {
        (TextNode x, TextNode y) => WordForm.Equal(x.Text, y.Text) || SameLetters(x.Text, y.Text),
        (TextNode text, SymbolNode symbol) => WordForm.Equal(text.Text, symbol.Name),
        (SymbolNode symbol, TextNode text) => WordForm.Equal(text.Text, symbol.Name),
        (TextNode text, NumberNode number) => NumberWords.Value(text.Text) is { } value && number.Value == value,
        (NumberNode number, TextNode text) => NumberWords.Value(text.Text) is { } value && number.Value == value,
        (TextNode, RelationNode) or (RelationNode, TextNode) => null,
        (TextNode, _) or (_, TextNode) => false,
        _ => null,
    };

    /// <summary>Whether both texts are the same letters of options, in any order.</summary>
    private static bool SameLetters(string a, string b)
    {
        (string[]? x, string[]? y) = (WordForm.Of(a).Split(' '), WordForm.Of(b).Split(' '));
        return x.Concat(y).All(word => word.Length == 1) && x.Order().SequenceEqual(y.Order());
    }
}
