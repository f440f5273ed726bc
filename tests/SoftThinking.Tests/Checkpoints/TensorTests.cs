using System.Collections.Immutable;
using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

internal sealed class TensorTests
{
    [TestCase(1, 8)]
    [TestCase(64, 8)]
    [TestCase(65, 8)]
    [TestCase(1000, 8)]
    [TestCase(1000, 100_000)]
    public void Slices_are_all_rows_in_order(int rows, int rowBytes)
    {
        const int Start = 12345, SliceBytes = 2000;
        Tensor tensor = new("t", Start, TensorDtype.BF16, [rows, rowBytes / 2], (long)rows * rowBytes);
        Tensor[] slices = [.. tensor.Slices(SliceBytes)];

        long at = Start;
        foreach (Tensor slice in slices)
        {
            Assert.That((slice.Name, slice.Dtype, slice.Data), Is.EqualTo(("t", TensorDtype.BF16, (nint)at)));
            Assert.That(slice.Bytes, Is.EqualTo(slice.Shape[0] * rowBytes).And.LessThanOrEqualTo(Math.Max(SliceBytes, 64L * rowBytes)));
            Assert.That(slice.Shape.RemoveAt(0), Is.EqualTo(ImmutableArray.Create(rowBytes / 2L)));
            at += slice.Bytes;
        }
        Assert.That(at, Is.EqualTo(Start + tensor.Bytes));
        Assert.That(slices[..^1].Select(slice => slice.Shape[0] % 64), Is.All.Zero, "groups of rows stay together");
    }
}
