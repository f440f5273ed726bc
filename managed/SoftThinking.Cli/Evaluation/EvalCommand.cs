using System.CommandLine;
using System.Text;
using SoftThinking.Evaluation.Code;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Endpoints;
using SoftThinking.Evaluation.Reporting;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;

namespace SoftThinking.Cli;

/// <summary>`eval`: measures how often ways of thinking reach the right answer.</summary>
internal static class EvalCommand
{
    private static readonly string[] Examples =
    [
        "eval --compare soft cot greedy --repeat-seeds 3",
        "eval --model ~/QwQ-32B --dataset math500 --compare soft cot",
        "eval --model ~/QwQ-32B --dataset math500 --resume",
        "eval --model ~/QwQ-32B --dataset mbpp --allow-code-execution",
        "eval --dataset amc23 --endpoint http://a:8000 http://b:8000",
    ];

    public static Command Create(Terminal terminal)
    {
        EvalOptions options = new();
        GroupedCommand command = new("eval",
            "Evaluates a model on a data set: answers every item, judges the answers, and compares ways of thinking. Each result is written "
            + "immediately; an interrupted run continues with --resume.",
            options.Groups, Examples);
        command.SetAction((parsed, cancellation) => RunAsync(options.Read(parsed), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(EvalSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        PythonSandbox? sandbox = await SandboxAsync(settings, terminal, cancellation);
        using ModelJudge? model = settings.Judge is (string address, string name)
            ? new ModelJudge(new ServerPool([address], settings.Servers with { ApiKey = settings.JudgeKey }), name)
            : null;
        (IAnswerSource source, EvalSettings loaded) = await OpenAsync(settings, terminal, cancellation);
        await using (source)
        {
            using RunDirectory directory = RunDirectory.Open(loaded.Output, EvalManifest.Of(loaded), loaded.Resume);
            ReportBroken(directory, terminal);
            EvaluationRun run = new(loaded.Plan, directory, source, new ItemJudge(sandbox, model));
            await RunAsync(run, directory, terminal, cancellation);
            directory.Finish(directory.Resumed ? null : run.Progress.Elapsed.TotalSeconds);
            ExportCode(loaded, directory);
            EvaluationSummary summary = new(directory.Results(), ItemJudge.SameAnswer);
            directory.Write("summary.json", SummaryText.JsonOf(summary));
            if (loaded.Json)
                JsonLine.Write(terminal.Out, summary.WriteJson);
            else
                new SummaryText(terminal).Write(summary, loaded.Output);
        }
        return ExitCode.Success;
    }

    private static async Task RunAsync(EvaluationRun run, RunDirectory directory, Terminal terminal, CancellationToken cancellation)
    {
        Task running = Task.Run(() => run.RunAsync(cancellation), CancellationToken.None);
        ProgressBar.ShowWhile(running, terminal, () => SummaryText.ProgressOf(run.Progress));
        try
        {
            await running;
        }
        catch (OperationCanceledException)
        {
            terminal.Error.WriteLine(
                $"interrupted: {run.Progress.Done} of {run.Progress.Total} answers are in {directory.Path}; --resume continues");
            throw;
        }
    }

    /// <summary>Loads the model, or asks the servers for its name.</summary>
    private static async Task<(IAnswerSource, EvalSettings)> OpenAsync(
        EvalSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        if (settings.Endpoints.Count == 0)
        {
            Engine engine = ModelLoader.Load(settings.Model, settings.Engine, terminal, cancellation, out _);
            EvaluationPlan plan = settings.ModelPlan?.Invoke(engine.Defaults) ?? settings.Plan;
            return (new EngineSource(engine, settings.Request), settings with { Plan = plan });
        }
        if (settings.ModelPlan != null || settings.Request.StopInThinking || settings.Request.Thinking != ThinkingStart.Auto)
            throw new UsageException("--model-defaults, --stop-in-thinking and --thinking need a model of this process, not --endpoint");
        ServerPool pool = new(settings.Endpoints, settings.Servers);
        try
        {
            string name = settings.ModelIsNamed ? settings.Model.Name : await pool.FirstModelAsync(cancellation);
            return (new EndpointSource(pool, name, settings.Request), settings with { Model = new ModelChoice(name, name) });
        }
        catch
        {
            pool.Dispose();
            throw;
        }
    }

    private static async Task<PythonSandbox?> SandboxAsync(EvalSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        if (!settings.Plan.Dataset.IsCode)
            return null;
        if (!settings.AllowCode)
        {
            terminal.Error.WriteLine(
                "the model's code does not run, and every answer stays undecided; --allow-code-execution runs it in a sandbox");
            return null;
        }
        PythonSandbox sandbox = await PythonSandbox.ProbeAsync(cancellation: cancellation);
        ReportProtections(sandbox, terminal);
        return sandbox;
    }

    private static void ReportProtections(PythonSandbox sandbox, Terminal terminal)
    {
        terminal.Error.WriteLine($"code runs in a sandbox with {sandbox.Python}:");
        foreach (string protection in sandbox.InForce)
            terminal.Error.WriteLine($"  {protection}");
        foreach (string protection in sandbox.NotInForce)
            terminal.Error.WriteLine($"  NOT in force on this system: {protection}");
        if (sandbox.Advice is string advice)
            terminal.Error.WriteLine($"  {advice}");
    }

    private static void ReportBroken(RunDirectory directory, Terminal terminal)
    {
        foreach ((RunSetting run, ResultLog log) in directory.Manifest.Runs.Zip(directory.Logs))
        {
            if (log.BrokenLines > 0)
            {
                terminal.Error.WriteLine(
                    $"{run.FileName}.jsonl: {log.BrokenLines} broken lines moved to {run.FileName}.jsonl.broken; their items run again");
            }
        }
    }

    // The file lacks the tests; the evaluator of LiveCodeBench has them.
    private static void ExportCode(EvalSettings settings, RunDirectory directory)
    {
        if (settings.Plan.Dataset.Kind != BenchmarkKind.LiveCodeBench)
            return;
        foreach ((RunSetting run, ResultLog log) in directory.Manifest.Runs.Zip(directory.Logs))
        {
            using MemoryStream json = new();
            LiveCodeBenchExport.Write(json, log.Items.Select(item => new LiveCodeBenchAnswers(
                (string)item.Reference["question_id"]!, [.. item.Samples.Select(sample => CodeExtractor.Extract(sample.Answer))])));
            directory.Write(run.FileName + "_converted.json", Encoding.UTF8.GetString(json.ToArray()));
        }
    }
}
