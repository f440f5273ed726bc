using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Decides about two answers, or returns null to leave the decision to the next rule.</summary>
internal delegate bool? Decide(Comparison comparison, Node a, Node b);

/// <summary>A rule of equivalence with its name.</summary>
internal sealed record Rule(string Name, Decide Decide);

/// <summary>Compares two answers by the first rule that applies.</summary>
internal sealed class Comparison(Budget budget)
{
    private const int MaxDepth = 40;

    /// <summary>All rules, in the order in which they are asked. What only wraps a value comes before the values.</summary>
    private static readonly Rule[] Rules =
    [
        new("text", TextRule.Decide),
        new("approximation", ApproximationRule.Decide),
        new("names", NamesRule.Decide),
        new("membership", MembershipRule.Decide),
        new("equation", EquationRule.Decide),
        new("plus-minus", PlusMinusRule.Decide),
        new("interval", IntervalRule.Decide),
        new("inequality", InequalityRule.Decide),
        new("list", ListRule.Decide),
        new("matrix", MatrixRule.Decide),
        new("tuple", TupleRule.Decide),
        new("unit", UnitRule.Decide),
        new("ratio", RatioRule.Decide),
        new("base", BaseRule.Decide),
        new("number", NumberRule.Decide),
        new("expression", ExpressionRule.Decide),
    ];

    private int _depth;

    public Equality Equality { get; } = new(budget);

    /// <summary>Whether two answers are equivalent, and the rule that says so.</summary>
    public (bool Equal, string Rule) Decide(Node a, Node b)
    {
        budget.Spend();
        if (++_depth > MaxDepth)
            throw new BudgetException();
        try
        {
            foreach (Rule rule in Rules)
            {
                if (rule.Decide(this, a, b) is { } equal)
                    return (equal, rule.Name);
            }
            return (false, "different kinds");
        }
        finally
        {
            _depth--;
        }
    }

    public bool Equal(Node a, Node b) => Decide(a, b).Equal;

    /// <summary>Whether two sequences are equivalent item by item.</summary>
    public bool EqualInOrder(IReadOnlyList<Node> a, IReadOnlyList<Node> b)
        => a.Count == b.Count && a.Zip(b).All(pair => Equal(pair.First, pair.Second));
}
