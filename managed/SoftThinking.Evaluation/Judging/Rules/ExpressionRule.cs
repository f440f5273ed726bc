using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Expressions with variables: equal at several points.</summary>
internal static class ExpressionRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
        => Nodes.IsExpression(a) && Nodes.IsExpression(b) ? comparison.Equality.Equal(a, b) : null;
}
