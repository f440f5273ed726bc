using NUnit.Framework;

namespace SoftThinking.Tests.Golden;

/// <summary>Replay of golden rollouts, whose log-probabilities are those of float64.</summary>
[Category("Golden")]
public class StrategyReplayTests
{
    private static IEnumerable<TestCaseData> Rollouts() =>
        from name in GoldenRollout.Names
        from device in TestDevice.All
        select new TestCaseData(name, device);

    [TestCaseSource(nameof(Rollouts))]
    public async Task ReplayReturnsTheGoldenLogarithms(string name, TestDevice device)
    {
        using GoldenRollout rollout = new(name);
        if (rollout.HasPenalties)
            Assert.Ignore("what it recorded is of logits after penalties");
        await using Engine engine = Engine.Load(rollout.Model, device.Options() with { KvDtype = KvDtype.F32, MaxSequences = 8, MaxTopk = 1024 });
        ScoreRequest request = rollout.Scores();
        ReplayScores scores = await engine.ScoreAsync(request);
        float[] logP1 = rollout.File.Read<float>("log_p1"), logPt = rollout.File.Read<float>("log_pt"), token = rollout.File.Read<float>("token_log_p1");
        int columns = rollout.File.Columns("log_p1");
        Assert.That(scores.Steps, Has.Count.EqualTo(token.Length));
        for (int step = 0; step < token.Length; step++)
        {
            Assert.That(scores.Steps[step].TokenLogP1, Near(token[step]), $"step {step}");
            Assert.That(scores.Steps[step].LogP1, Has.Count.EqualTo(request.Tokens[step].Count));
            for (int i = 0; i < Math.Min(columns, request.Tokens[step].Count); i++)
            {
                Assert.That(scores.Steps[step].LogP1[i], Near(logP1[step * columns + i]), $"step {step}, entry {i}");
                Assert.That(scores.Steps[step].LogPt[i], Near(logPt[step * columns + i]), $"step {step}, entry {i}");
            }
        }
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Near(float expected) => Is.EqualTo(expected).Within(2e-3 * (1 + Math.Abs(expected)));
}
