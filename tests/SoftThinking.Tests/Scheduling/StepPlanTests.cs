using NUnit.Framework;
using SoftThinking.Scheduling;

namespace SoftThinking.Tests.Scheduling;

public class StepPlanTests
{
    [Test]
    public void CountsWhatItsRowsReadAndLookAt()
    {
        StepPlan plan = new();
        (int First, int Count)[] parts = [(0, 4), (10, 1), (7, 2), (0, 1)];
        foreach ((int first, int count) in parts)
            plan.Add(new PlannedRows(null!, first, count, Begins: false, Samples: true, LastFromSlot: false));

        Assert.That(plan.Positions, Is.EqualTo(4 + 11 + 9 + 1));
        // Row by row: each looks at the positions before it and at its own.
        long pairs = parts.Sum(part => Enumerable.Range(part.First, part.Count).Sum(position => position + 1L));
        Assert.That(plan.Pairs, Is.EqualTo(pairs));
        Assert.That(plan.Decodes, Is.False);
    }
}
