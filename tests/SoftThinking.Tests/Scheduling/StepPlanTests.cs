using NUnit.Framework;
using SoftThinking.Scheduling;

namespace SoftThinking.Tests.Scheduling;

public class StepPlanTests
{
    /// <param name="window">0: none.</param>
    [Test]
    public void CountsWhatItsRowsReadAndLookAt([Values(0, 1, 2, 3, 4, 7, 8, 9, 11, 100)] int window)
    {
        StepPlan plan = new();
        (int First, int Count)[] parts = [(0, 4), (10, 1), (7, 2), (0, 1), (5, 6)];
        foreach ((int first, int count) in parts)
            plan.Add(new PlannedRows(null!, first, count, Begins: false, Samples: true, LastFromSlot: false));

        // Row by row: each looks at the positions before it in the window, and at its own.
        int FirstSeen(int position) => window == 0 ? 0 : Math.Max(position - window + 1, 0);
        long positions = parts.Sum(part => part.First + part.Count - FirstSeen(part.First));
        long pairs = parts.Sum(part => Enumerable.Range(part.First, part.Count).Sum(position => position + 1L - FirstSeen(position)));
        Assert.That(plan.Seen(window), Is.EqualTo((positions, pairs)));
        Assert.That(plan.Decodes, Is.False);
    }
}
