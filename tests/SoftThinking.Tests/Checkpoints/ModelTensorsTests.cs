using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>The list of a model's tensors.</summary>
public class ModelTensorsTests
{
    private static readonly ModelConfig Shape = PublishedShapes.All.Single(shape => shape.Name == "qwen2.5-7b").Config;

    private static IEnumerable<string> RealCheckpoints() =>
        [TestData.TinyReasoner, .. Directory.GetDirectories(TestData.FindGolden("forward")!).Order()];

    [TestCaseSource(nameof(RealCheckpoints))]
    public void TheList_IsWhatACheckpointHolds(string directory)
    {
        using Checkpoint checkpoint = Checkpoint.Open(directory);
        ModelTensors tensors = ModelTensors.Of(ModelShard.All(checkpoint.Config));
        Assert.Multiple(() =>
        {
            Assert.That(tensors.StoredMatrices.Keys.Concat(tensors.StoredVectors.Keys), Is.EquivalentTo(checkpoint.Names));
            foreach ((string name, (int rows, int cols)) in tensors.StoredMatrices)
                Assert.That(checkpoint.Stored(name).Shape, Is.EqualTo(new long[] { rows, cols }), name);
            foreach ((string name, int elements) in tensors.StoredVectors)
                Assert.That(checkpoint.Stored(name).Shape, Is.EqualTo(new long[] { elements }), name);
        });
    }

    /// <summary>Every element of a matrix is on one rank.</summary>
    [Test]
    public void Ranks_HoldEveryMatrixOnce([Values(1, 2, 4)] int ranks)
    {
        IEnumerable<(string Module, Window Rows, Window Cols)> parts =
            from rank in Enumerable.Range(0, ranks)
            let tensors = ModelTensors.Of(ModelShard.Make(Shape with { Layers = 2 }, rank, ranks, MatrixFormat.BF16))
            from matrix in tensors.Layers.SelectMany(layer => layer.Matrices).Append(tensors.Embedding).Append(tensors.Head!)
            from part in matrix.Parts
            select (part.Module, part.Rows, matrix.Cols);
        foreach (IGrouping<string, (string Module, Window Rows, Window Cols)> matrix in parts.GroupBy(part => part.Module))
        {
            long held = matrix.Sum(part => (long)part.Rows.Count * part.Cols.Count);
            (_, Window rows, Window cols) = matrix.First();
            Assert.That(held, Is.EqualTo((long)rows.Total * cols.Total), matrix.Key);
        }
    }

    [Test]
    public void EveryFormat_IsFoundByTypeAndShape()
    {
        Assert.Multiple(() =>
        {
            foreach (MatrixFormat format in MatrixFormat.All)
            {
                TensorInfo stored = format.Store("w.weight", 3, 33);
                Assert.That(MatrixFormat.Find(stored.Dtype, stored.Shape, 3, 33), Is.EqualTo(format));
                Assert.That(MatrixFormat.Find(stored.Dtype, stored.Shape, 2, 33), Is.Null);
                Assert.That(MatrixFormat.Find(stored.Dtype, stored.Shape, 3, 65), Is.Null);
                Assert.That(MatrixFormat.Find(TensorDtype.F64, stored.Shape, 3, 33), Is.Null);
                Assert.That(MatrixFormat.Of(TensorDtype.F16), Is.EqualTo(MatrixFormat.F16));
            }
            Assert.That(MatrixFormat.Int8.Store("w", 3, 33).Length, Is.EqualTo(3 * 2 * 34));
        });
    }
}
