using SoftThinking.Evaluation.Judging.Algebra;
using SoftThinking.Evaluation.Judging.Reading;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Words equal words, whatever their case and punctuation.</summary>
internal static class TextRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b) => (a, b) switch
    {
        (TextNode x, TextNode y) => WordForm.Equal(x.Text, y.Text),
        (TextNode text, SymbolNode symbol) => WordForm.Equal(text.Text, symbol.Name),
        (SymbolNode symbol, TextNode text) => WordForm.Equal(text.Text, symbol.Name),
        (TextNode, RelationNode) or (RelationNode, TextNode) => null,
        (TextNode, _) or (_, TextNode) => false,
        _ => null,
    };
}
