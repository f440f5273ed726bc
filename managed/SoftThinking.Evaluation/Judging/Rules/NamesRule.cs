using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Lists of named values: x = 7, y = 6. They are matched by name; against a tuple, in alphabetical order of the names.</summary>
internal static class NamesRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        (List<Labeled>? x, List<Labeled>? y) = (Named(a), Named(b));
        if (x is not null && y is not null)
            return EqualByName(comparison, x, y);
        if (x is null && y is null)
            return null;
        List<Node> values = Values((x ?? y)!);
        Node other = x is null ? a : b;
        return comparison.Equal(other is TupleNode ? new TupleNode('(', ')', values) : new ListNode(values), other);
    }

    /// <summary>The named values of a list with at least two different names, or of (x, y) = (1, 2).</summary>
    private static List<Labeled>? Named(Node node)
    {
        List<Labeled>? named = node switch
        {
            ListNode list when list.Items.Select(Labels.Of).OfType<Labeled>().ToList() is var items && items.Count == list.Items.Count
                => items,
            RelationNode when Labels.Of(node) is { Label: TupleNode names, Value: TupleNode values }
                && names.Items.Count == values.Items.Count
                => [.. names.Items.Zip(values.Items, (name, value) => new Labeled(name, value))],
            _ => null,
        };
        return named?.Select(item => Nodes.Spell(item.Label)).Distinct().Count() > 1 ? named : null;
    }

    private static bool EqualByName(Comparison comparison, List<Labeled> a, List<Labeled> b)
    {
        List<Labeled> rest = b.ToList();
        foreach (Labeled item in a)
        {
            int match = rest.FindIndex(other =>
                Nodes.Spell(other.Label) == Nodes.Spell(item.Label) && comparison.Equal(item.Value, other.Value));
            if (match < 0)
                return false;
            rest.RemoveAt(match);
        }
        return rest.Count == 0;
    }

    private static List<Node> Values(List<Labeled> named)
        => [.. named.OrderBy(item => Nodes.Spell(item.Label), StringComparer.Ordinal).Select(item => item.Value)];
}
