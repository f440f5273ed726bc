using SoftThinking.Evaluation.Code;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Judging;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Runs;

/// <summary>Judges answers of every kind.</summary>
/// <param name="sandbox">Where code runs; null if it may not run.</param>
/// <param name="model">A language model that is asked where the rules say no; null for none.</param>
public sealed class ItemJudge(PythonSandbox? sandbox, ModelJudge? model)
{
    // A test may need a core; more at once would make them late.
    private readonly SemaphoreSlim _cores = new(Environment.ProcessorCount);

    /// <summary>Whether two answers mean the same, as the rules judge them; for majority votes.</summary>
    public static bool SameAnswer(string first, string second) =>
        MathJudge.Judge($"\\boxed{{{first}}}", second).Outcome == Outcome.Correct;

    /// <summary>Returns the sample with its verdict. One that failed stays undecided.</summary>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    public async Task<SampleResult> JudgeAsync(BenchmarkKind kind, BenchmarkItem item, SampleResult sample, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(sample);
        if (sample.Error != null)
            return sample;
        Verdict verdict = await RulesAsync(kind, item, sample.Answer, cancellation);
        bool asks = model != null && kind is BenchmarkKind.Math or BenchmarkKind.Choice && verdict.Outcome != Outcome.Correct && sample.Answer != "";
        return sample with
        {
            Verdict = verdict,
            ModelVerdict = asks ? await model!.JudgeAsync(item, sample, cancellation) : null,
        };
    }

    private Task<Verdict> RulesAsync(BenchmarkKind kind, BenchmarkItem item, string answer, CancellationToken cancellation) => kind switch
    {
        BenchmarkKind.Math => Task.FromResult(MathJudge.Judge(answer, (string)item.Reference!)),
        BenchmarkKind.Choice => Task.FromResult(ChoiceJudge.Judge(answer, (string)item.Reference!, item.Choices)),
        _ => CodeAsync(item.ToCodeTask(kind)!, answer, cancellation),
    };

    private async Task<Verdict> CodeAsync(CodeTask task, string answer, CancellationToken cancellation)
    {
        if (sandbox == null)
            return new Verdict(Outcome.Undecided, "not run") { Answer = CodeExtractor.Extract(answer), Note = "code runs only with --allow-code-execution" };
        await _cores.WaitAsync(cancellation);
        try
        {
            return await CodeJudge.JudgeAsync(task, answer, sandbox, cancellation);
        }
        finally
        {
            _cores.Release();
        }
    }
}
