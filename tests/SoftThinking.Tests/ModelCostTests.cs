using NUnit.Framework;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests;

public class ModelCostTests
{
    [Test]
    public void WindowsBoundWhatIsSeen([Values(1, 4, 5, 6, 40)] int positions)
    {
        int?[] windows = [null, 5, 1];
        ModelCost cost = new(0, 0, 0, 0, 0, 0, ProductFormat.F32) { Windows = windows };
        int[] seen = [.. Enumerable.Range(1, positions).Select(count => windows.Sum(window => Math.Min(count, window ?? count)))];
        Assert.That(cost.PositionsSeen(positions), Is.EqualTo(seen[^1] / 3.0).Within(1e-9));
        Assert.That(cost.PairsSeen(positions), Is.EqualTo(seen.Sum() / 3.0).Within(1e-9));
    }
}
