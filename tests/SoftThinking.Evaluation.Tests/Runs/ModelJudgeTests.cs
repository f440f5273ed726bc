using NUnit.Framework;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Endpoints;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;
using SoftThinking.Evaluation.Tests.Endpoints;
using SoftThinking.Evaluation.Tests.Reporting;

namespace SoftThinking.Evaluation.Tests.Runs;

public class ModelJudgeTests
{
    private static async Task<(SampleResult Sample, IReadOnlyList<StubRequest> Asked)> JudgeAsync(string answer, Func<StubRequest, StubReply?> reply, string thinking = "")
    {
        using StubServer server = new(reply);
        using ModelJudge model = new(new ServerPool([server.Address], ServerPoolTests.Fast with { Retries = 1 }), "judge");
        SampleResult sample = Example.Sample(false) with { Answer = answer, Thinking = thinking, Verdict = new Verdict(Outcome.Undecided, "not judged") };
        sample = await new ItemJudge(null, model).JudgeAsync(BenchmarkKind.Math, Sums.Item(4), sample, default);
        return (sample, [.. server.Requests]);
    }

    [TestCase("YES", Outcome.Correct)]
    [TestCase(" yes.\n", Outcome.Correct)]
    [TestCase("**YES**", Outcome.Correct)]
    [TestCase("<think>It says NO, but</think> YES", Outcome.Correct)]
    [TestCase("<think>It says YES, but</think>\n\nNo", Outcome.Wrong)]
    [TestCase("NO", Outcome.Wrong)]
    [TestCase("", Outcome.Undecided)]
    [TestCase("YES and NO", Outcome.Undecided)]
    [TestCase("EYES", Outcome.Undecided)]
    [TestCase("<think>YES", Outcome.Undecided)]
    [TestCase("I cannot help with that.", Outcome.Undecided)]
    public async Task AReply_IsYesOrNo_OrDecidesNothing(string reply, Outcome outcome)
    {
        (SampleResult sample, _) = await JudgeAsync("It is \\boxed{7}.", _ => StubReply.Chat(reply));
        Assert.Multiple(() =>
        {
            Assert.That(sample.Verdict.Outcome, Is.EqualTo(Outcome.Wrong), "the verdict of the rules stays");
            Assert.That((sample.ModelVerdict!.Outcome, sample.ModelVerdict.Rule), Is.EqualTo((outcome, "model")));
            Assert.That(sample.ModelVerdict.Note, outcome == Outcome.Undecided ? Does.StartWith("the judge replied neither YES nor NO") : Is.Null);
            Assert.That(sample.Correct, Is.EqualTo(outcome == Outcome.Correct));
        });
    }

    [Test]
    public async Task AHostileReply_LeavesTheNoteReadable()
    {
        (SampleResult sample, _) = await JudgeAsync("\\boxed{7}", _ => StubReply.Chat("\u001b[31m" + new string('x', 38) + string.Concat(Enumerable.Repeat("😀", 5000))));
        Assert.That(sample.ModelVerdict!.Note, Has.Length.LessThan(150).And.None.Matches<char>(char.IsControl));
        Assert.That(sample.ModelVerdict.Note!.IsNormalized(), "no half of a character");
    }

    [Test]
    public async Task AJudgeThatIsDown_DecidesNothing_AndSaysWhy()
    {
        (SampleResult down, IReadOnlyList<StubRequest> asked) = await JudgeAsync("\\boxed{7}", _ => new StubReply("broken", 500));
        (SampleResult empty, _) = await JudgeAsync("\\boxed{7}", _ => new StubReply("{}"));
        Assert.Multiple(() =>
        {
            Assert.That(down.ModelVerdict!.Outcome, Is.EqualTo(Outcome.Undecided));
            Assert.That(down.ModelVerdict.Note, Does.Contain("replied with status 500: broken"));
            Assert.That(asked, Has.Count.EqualTo(2));
            Assert.That(empty.ModelVerdict!.Outcome, Is.EqualTo(Outcome.Undecided));
            Assert.That(empty.ModelVerdict.Note, Does.Contain("no choice with a message"));
        });
    }

    [TestCase("It is \\boxed{5}.")]
    [TestCase("")]
    public async Task TheModel_IsNotAskedAboutWhatIsRight_NorAboutNothing(string answer)
    {
        (SampleResult sample, IReadOnlyList<StubRequest> asked) = await JudgeAsync(answer, _ => StubReply.Chat("YES"));
        Assert.That(asked, Is.Empty);
        Assert.That(sample.ModelVerdict, Is.Null);
    }

    [Test]
    public async Task TheQuestion_ShowsProblemReferenceAndAnswer_ButNoThought()
    {
        string start = new('x', 30_000);
        (_, IReadOnlyList<StubRequest> asked) = await JudgeAsync(start + " the end: \\boxed{7}", _ => StubReply.Chat("NO"), thinking: "my secret thought");
        string message = asked.Single().Message;
        Assert.That(message, Does.Contain("What is 4 + 1?").And.Contain("Reference answer:\n5\n").And.Contain("the end: \\boxed{7}"));
        Assert.That(message, Does.Not.Contain("secret thought").And.Length.LessThan(22_000));
        Assert.That((string)asked.Single().Body["model"]!, Is.EqualTo("judge"));
    }

    [Test]
    public async Task AFailedSample_IsNotJudged()
    {
        using StubServer server = new(_ => StubReply.Chat("YES"));
        using ModelJudge model = new(new ServerPool([server.Address], ServerPoolTests.Fast), "judge");
        SampleResult failed = SampleResult.Failed(0, 1, "down")[0];
        Assert.That(await new ItemJudge(null, model).JudgeAsync(BenchmarkKind.Math, Sums.Item(4), failed, default), Is.SameAs(failed));
        Assert.That(server.Requests, Is.Empty);
    }
}
