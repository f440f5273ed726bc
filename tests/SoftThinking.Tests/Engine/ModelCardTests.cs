using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>The figures of the model card in docs/benchmarks.md. They are printed; what must hold anywhere is that the model solves
/// nearly every held-out problem.</summary>
[Category("Slow"), NonParallelizable]
public class ModelCardTests
{
    private static readonly object[] Cases =
    [
        new object[] { "soft thinking", new SamplingOptions() },
        new object[] { "sampled chain of thought", new SamplingOptions { SoftThinking = false } },
        new object[] { "greedy", new SamplingOptions { SoftThinking = false, AfterThinking = new() { Temperature = 0 } } },
    ];

    [TestCaseSource(nameof(Cases))]
    public async Task SolvesTheHeldOutProblems(string name, SamplingOptions sampling)
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner);
        int solved = 0, count = 0;
        long thoughts = 0, mixtures = 0;
        (string Question, string Answer)[] problems = [.. Problems.HeldOut()];
        GenerationResult[] results = await Task.WhenAll(problems.Select((problem, i) =>
            engine.GenerateAsync(Problems.Ask(engine, problem.Question, sampling with { Seed = (ulong)i }))));
        foreach ((GenerationResult result, string answer) in results.Zip(problems.Select(problem => problem.Answer)))
        {
            IReadOnlyList<GeneratedToken> steps = result.Samples[0].Tokens;
            string text = string.Concat(steps.Where(step => !step.Thinking).Select(step => step.Text));
            solved += text.Contains($"\\boxed{{{answer}}}", StringComparison.Ordinal) ? 1 : 0;
            thoughts += steps.Count(step => step.Thinking);
            mixtures += steps.Count(step => step.Token.Count > 1);
            count++;
        }
        TestContext.Progress.WriteLine(FormattableString.Invariant(
            $"{name}: {solved} of {count} solved, {(double)thoughts / count:F1} thinking tokens, {(double)mixtures / count:F1} mixtures a problem"));
        Assert.That(count, Is.EqualTo(500));
        Assert.That(solved, Is.GreaterThanOrEqualTo(0.97 * count));
    }
}
