using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Lists and sets, without order; a list without brackets may also be a point.</summary>
internal static class ListRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        if (a is not (ListNode or SetNode) && b is not (ListNode or SetNode))
            return null;
        return (a, b) switch
        {
            (ListNode list, TupleNode tuple) => EqualPoint(comparison, list, tuple),
            (TupleNode tuple, ListNode list) => EqualPoint(comparison, list, tuple),
            _ => EqualItems(comparison, Items(a), Items(b)),
        };
    }

    private static bool EqualPoint(Comparison comparison, ListNode list, TupleNode tuple)
        => tuple is { Open: '(', Close: ')' } && comparison.EqualInOrder(Items(list), tuple.Items);

    private static bool EqualItems(Comparison comparison, IReadOnlyList<Node> a, IReadOnlyList<Node> b)
        => Matching.Equal(Matching.Distinct(a, comparison.Equal), Matching.Distinct(b, comparison.Equal), comparison.Equal);

    /// <summary>The items; the name of n = 1, 2, 3 holds for all that follow and says nothing about the values.</summary>
    private static IReadOnlyList<Node> Items(Node node) => node switch
    {
        SetNode set => set.Items,
        ListNode list when list.Items.Any(item => item is SetNode) => list.Items,
        ListNode list when Labels.Of(list.Items[0]) is { } first && SameName(list, first.Label)
            => [.. list.Items.Select(item => Labels.Of(item)?.Value ?? item)],
        ListNode list => list.Items,
        _ => [node],
    };

    private static bool SameName(ListNode list, Node name)
        => list.Items.All(item => Labels.Of(item) is not { } labeled || Nodes.Spell(labeled.Label) == Nodes.Spell(name));
}
