using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Rules;

/// <summary>Matrices entry by entry; a column or row is a vector and may be written as a tuple.</summary>
internal static class MatrixRule
{
    public static bool? Decide(Comparison comparison, Node a, Node b)
    {
        (MatrixNode? x, MatrixNode? y) = (AsMatrix(a), AsMatrix(b));
        (x, y) = (x ?? (y is null ? null : FromLists(a)), y ?? (x is null ? null : FromLists(b)));
        return (x, y) switch
        {
            (null, null) => null,
            ({ } p, { } q) => p.Rows.Count == q.Rows.Count
                && p.Rows.Zip(q.Rows).All(pair => comparison.EqualInOrder(pair.First, pair.Second)),
            ({ } p, null) => b is TupleNode tuple && IsVector(p) && comparison.EqualInOrder(Entries(p), tuple.Items),
            (null, { } q) => a is TupleNode tuple && IsVector(q) && comparison.EqualInOrder(tuple.Items, Entries(q)),
        };
    }

    /// <summary>A matrix, perhaps with a factor before it.</summary>
    private static MatrixNode? AsMatrix(Node node)
    {
        if (node is not ProductNode product || product.Factors.Count(factor => factor is MatrixNode) != 1)
            return node as MatrixNode;
        ProductNode factor = new([.. product.Factors.Where(part => part is not MatrixNode)]);
        MatrixNode matrix = product.Factors.OfType<MatrixNode>().Single();
        return new MatrixNode([.. matrix.Rows.Select(row => (IReadOnlyList<Node>)[.. row.Select(entry => Nodes.Product(factor, entry))])]);
    }

    /// <summary>[[1, 2], [3, 4]] as a matrix.</summary>
    private static MatrixNode? FromLists(Node node)
        => node is TupleNode { Open: '[' } tuple && tuple.Items.All(row => row is TupleNode { Open: '[' })
            ? new MatrixNode([.. tuple.Items.Cast<TupleNode>().Select(row => row.Items)])
            : null;

    private static bool IsVector(MatrixNode matrix) => matrix.Rows.Count == 1 || matrix.Rows.All(row => row.Count == 1);

    private static List<Node> Entries(MatrixNode matrix) => [.. matrix.Rows.SelectMany(row => row)];
}
