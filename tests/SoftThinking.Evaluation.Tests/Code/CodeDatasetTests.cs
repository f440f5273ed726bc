using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Tests.Code;

/// <summary>The published files: solutions pass their own tests, broken ones do not.</summary>
[TestFixture]
public sealed class CodeDatasetTests
{
    private const int Sample = 8, Broken = 3;

    private static JsonArray Load(string name)
    {
        return JsonNode.Parse(File.ReadAllText(SharedFiles.Dataset(name)))!.AsArray();
    }

    private static (CodeTask Task, string Solution) HumanEval(JsonNode item, bool whole)
    {
        JsonNode reference = item["final_answer"]!;
        string body = reference["canonical_solution"]!.GetValue<string>();
        return (CodeTask.FromHumanEval(reference, Header(item)), whole ? Header(item) + body : body);
    }

    private static (CodeTask Task, string Solution) Mbpp(JsonNode item) =>
        (CodeTask.FromMbpp(item["final_answer"]!), item["final_answer"]!["code"]!.GetValue<string>());

    /// <summary>Runs every solution as the answer, and broken; two at a time. Some solutions of MBPP take 10 seconds.</summary>
    private static async Task CheckAsync(
        IEnumerable<JsonNode?> items, Func<JsonNode, (CodeTask, string)> read, Func<JsonNode, string, string> broken,
        int breakFirst)
    {
        SandboxLimits patient = new() { Wall = TimeSpan.FromMinutes(1) };
        PythonSandbox sandbox = new((await Sandboxes.UsualAsync()).Plan, patient, "");
        List<string> wrong = [];
        ParallelOptions two = new() { MaxDegreeOfParallelism = 2 };
        await Parallel.ForEachAsync(items.Index(), two, async (entry, cancellation) =>
        {
            (CodeTask task, string solution) = read(entry.Item!);
            List<(string, Outcome)> answers = [(solution, Outcome.Correct)];
            if (entry.Index < breakFirst)
                answers.Add((broken(entry.Item!, solution), Outcome.Wrong));
            foreach ((string code, Outcome expected) in answers)
            {
                Verdict verdict = await CodeJudge.JudgeAsync(task, $"```python\n{code}\n```", sandbox, cancellation);
                if (verdict.Outcome != expected)
                {
                    lock (wrong)
                        wrong.Add($"{task.Id}: {verdict.Outcome} instead of {expected}: {verdict.Note}");
                }
            }
        });
        Assert.That(wrong, Is.Empty);
    }

    private static string Header(JsonNode item) => item["prompt"]![0]!["value"]!.GetValue<string>();

    /// <summary>Solutions as they stand in the file, which are bodies, or the whole function after its header.</summary>
    private static Task CheckHumanEvalAsync(IEnumerable<JsonNode?> items, bool whole, int breakFirst = int.MaxValue) => CheckAsync(
        items,
        item => HumanEval(item, whole),
        (item, code) => $"{(whole ? "" : Header(item))}{code}\n\n"
            + $"def {item["final_answer"]!["entry_point"]}(*args, **kwargs):\n    return object()\n",
        breakFirst);

    /// <summary>Broken by other names: every call fails.</summary>
    private static Task CheckMbppAsync(IEnumerable<JsonNode?> items, int breakFirst = int.MaxValue) => CheckAsync(
        items, Mbpp, (_, code) => Regex.Replace(code, "^def ", "def broken_", RegexOptions.Multiline), breakFirst);

    [Test]
    public Task SolutionsOfHumanEvalPass() =>
        CheckHumanEvalAsync(Load("humaneval").Where((_, i) => i % 17 == 10).Take(Sample), whole: true, Broken);

    [Test]
    public Task SolutionsOfMbppPass() => CheckMbppAsync(Load("mbpp").Where((_, i) => i % 26 == 3).Take(Sample), Broken);

    [Test, Category("Slow")]
    public Task AllSolutionsOfHumanEvalPass([Values] bool whole) => CheckHumanEvalAsync(Load("humaneval"), whole);

    [Test, Category("Slow")]
    public Task AllSolutionsOfMbppPass() => CheckMbppAsync(Load("mbpp"));

    [Test]
    public void EveryProblemOfLiveCodeBenchIsReadAndHasNoTests()
    {
        CodeTask[] tasks = [.. Load("livecodebench").Select(item => CodeTask.FromLiveCodeBench(item!["final_answer"]!))];
        Assert.That(tasks, Has.Length.EqualTo(279).And.None.Property("HasTests").True);
        Assert.That(tasks.Select(task => task.Id), Is.Unique);
    }
}
