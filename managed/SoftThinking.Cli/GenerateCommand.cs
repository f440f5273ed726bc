using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>`generate`: answers questions and shows how the model thinks.</summary>
internal static class GenerateCommand
{
    private static readonly string[] Examples =
    [
        "generate --prompt \"What is 47 + 85 - 19?\"",
        "generate --prompt \"What is 47 + 85 - 19?\" --no-soft-thinking",
        "generate --model ~/models/QwQ-32B --prompt-file question.txt",
        "generate --prompt \"Compute 40 + 7.\" --json | jq .answer",
        "generate --trace steps.jsonl < question.txt",
        "generate --prompts questions.jsonl > answers.jsonl",
        "generate --prompts questions.jsonl --record rollouts.safetensors",
    ];

    public static Command Create(Terminal terminal)
    {
        GenerateOptions options = new();
        GroupedCommand command = new("generate",
            "Answers a question, or many. The model thinks in concept tokens, which are mixtures of the most likely tokens, then answers in "
            + "ordinary tokens. Thoughts are dimmed; an uncertain one shows its weight in percent and its runners-up: so⁷⁰|thus²⁰.",
            options.Groups, Examples);
        command.SetAction((parsed, cancellation) => RunAsync(options.Read(parsed), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(GenerateSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        if (settings.Many)
            return await new ManyPrompts(settings, terminal).RunAsync(cancellation);
        string question = await PromptSource.ReadAsync(settings, terminal, cancellation);
        RecordOutput? records = settings.Record is string path ? new RecordOutput(path, settings.Model.Name) : null;
        using TraceWriter? trace = settings.Trace is string file ? new TraceWriter(file) : null;
        GenerationRun run = new(settings.Model.Name);
        List<IRunWriter> writers = trace != null ? [trace] : [];
        if (settings.Json)
            writers.Add(new JsonRunWriter(terminal.Out));
        try
        {
            await using Engine engine = ModelLoader.Load(settings.Model, settings.Engine, terminal, cancellation, out TimeSpan time);
            run.Loaded(time);
            await GenerateAsync(engine, settings, settings.For(engine).Ask(question), terminal, run, writers, records, cancellation);
        }
        catch (OperationCanceledException)
        {
            run.Cancel();
        }
        foreach (IRunWriter writer in writers)
            writer.End(run);
        records?.Save();
        if (run.Error is string error)
            terminal.ReportError(error);
        return run.End switch
        {
            RunEnd.Cancelled => ExitCode.Interrupted,
            RunEnd.Error => ExitCode.Failure,
            _ => ExitCode.Success,
        };
    }

    private static async Task GenerateAsync(
        Engine engine, GenerateSettings settings, GenerationRequest request, Terminal terminal, GenerationRun run,
        List<IRunWriter> writers, RecordOutput? records, CancellationToken cancellation)
    {
        request = request with { Record = records != null };
        IAsyncEnumerable<GenerationEvent> events = engine.StreamAsync(request, cancellation);
        if (!settings.Json)
            writers.Add(new LiveTextWriter(terminal, engine.Tokenizer));
        try
        {
            await run.ReadAsync(events, writers);
            records?.Add(engine.Encode(request.Prompt), request, run);
        }
        catch (Exception error) when (error is GenerationException or BackendException)
        {
            run.Fail(error.Message);
        }
    }
}
