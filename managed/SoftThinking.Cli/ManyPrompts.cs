using System.Text.Json;
using System.Threading.Channels;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>Answers many questions concurrently, or one several times, and prints an object for each answer in the order of the
/// questions, as soon as it and all before it are complete.</summary>
internal sealed class ManyPrompts(GenerateSettings settings, Terminal terminal)
{
    private const string IdKey = "id";

    private readonly Channel<Task<Answer>> _answers = Channel.CreateUnbounded<Task<Answer>>();

    // Enough to keep the engine busy.
    private readonly SemaphoreSlim _inFlight = new(2 * settings.Engine.MaxSequences);
    private readonly RecordOutput? _records = settings.Record is string path ? new RecordOutput(path, settings.Model.Name) : null;
    private TimeSpan _load;
    private int _submitted;
    private int _printed;
    private long _printedBytes; // of the input, up to the last line whose answer was printed
    private bool _failed;

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        using PromptLines? lines = settings.Prompts is string file ? await PromptLines.OpenAsync("--prompts", file, terminal, cancellation) : null;
        string? question = lines == null ? await PromptSource.ReadAsync(settings, terminal, cancellation) : null;
        await using Engine engine = ModelLoader.Load(settings.Model, settings.Engine, terminal, cancellation, out _load);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task submitting = lines != null
            ? SubmitAllAsync(engine, lines, stop.Token)
            : SubmitAsync(engine, settings.For(engine).Ask(question!), stop.Token);
        Task printing = Task.Run(PrintAsync, CancellationToken.None); // complete answers are printed in any case
        if (!terminal.StyleOut) // on a terminal, the answers themselves show the progress
            ProgressBar.ShowWhile(printing, terminal, () => Progress(lines?.Length));
        try
        {
            await printing;
        }
        finally
        {
            await stop.CancelAsync(); // stops generating if the reader of the answers has closed the output
            await submitting;
            _records?.Save();
        }
        cancellation.ThrowIfCancellationRequested();
        if (lines != null && _submitted == 0)
            throw new ArgumentException($"{lines.Name} holds no questions"); // an empty input is an error
        return _failed ? ExitCode.Failure : ExitCode.Success;
    }

    /// <param name="length">Bytes of the input; null if unknown.</param>
    private (string, double) Progress(long? length) => (
        $"{Volatile.Read(ref _printed)} questions answered",
        length > 0 ? Math.Min(1, (double)Volatile.Read(ref _printedBytes) / length.Value) : 0);

    private async Task SubmitAsync(Engine engine, GenerationRequest request, CancellationToken cancellation)
    {
        await _answers.Writer.WriteAsync(AnswerAsync(engine, request, new Answer(null, null), cancellation), CancellationToken.None);
        _answers.Writer.Complete();
    }

    private async Task SubmitAllAsync(Engine engine, PromptLines lines, CancellationToken cancellation)
    {
        try
        {
            while (await lines.ReadAsync(cancellation) is InputLine line)
            {
                _submitted++;
                await _inFlight.WaitAsync(cancellation);
                await _answers.Writer.WriteAsync(AnswerLineAsync(engine, line, cancellation), cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            // The answers to earlier questions are still printed.
        }
        finally
        {
            _answers.Writer.Complete();
        }
    }

    private async Task<Answer> AnswerLineAsync(Engine engine, InputLine line, CancellationToken cancellation)
    {
        Answer answer = new(line, null);
        try
        {
            JsonElement json = RequestJson.Parse(line.Utf8);
            answer = answer with { Id = ReadId(json) };
            return await AnswerAsync(engine, RequestJson.Read(json, settings.For(engine).Request, [IdKey]), answer, cancellation);
        }
        catch (ArgumentException error)
        {
            return answer with { Error = error.Message };
        }
        finally
        {
            _inFlight.Release();
        }
    }

    /// <summary>The "id" of a line; null if it has none.</summary>
    /// <exception cref="ArgumentException">The id is neither text nor a number.</exception>
    private static JsonElement? ReadId(JsonElement line)
    {
        if (line.ValueKind != JsonValueKind.Object || !line.TryGetProperty(IdKey, out JsonElement id) || id.ValueKind == JsonValueKind.Null)
            return null;
        JsonField field = new(IdKey, id);
        if (id.ValueKind == JsonValueKind.String)
            field.Text();
        else if (id.ValueKind != JsonValueKind.Number)
            throw field.Wrong("text or a number");
        return id;
    }

    private async Task<Answer> AnswerAsync(Engine engine, GenerationRequest request, Answer answer, CancellationToken cancellation)
    {
        try
        {
            GenerationRun[] runs = [.. Enumerable.Range(0, request.Samples).Select(_ => Begin())];
            await foreach (GenerationEvent next in engine.StreamAsync(request with { Record = request.Record || _records != null }, cancellation))
                runs[next.Sample].Add(next);
            return answer with { Runs = runs, Request = request, Prompt = _records != null ? engine.Encode(request.Prompt) : [] };
        }
        catch (Exception error) when (RequestErrors.Include(error))
        {
            return answer with { Error = answer.Line != null ? RequestErrors.MessageOfLine(error) : RequestErrors.MessageOf(error) };
        }
    }

    private GenerationRun Begin()
    {
        GenerationRun run = new(settings.Model.Name);
        run.Loaded(_load);
        run.Begin();
        return run;
    }

    private async Task PrintAsync()
    {
        await foreach (Task<Answer> pending in _answers.Reader.ReadAllAsync())
        {
            try
            {
                Print(await pending);
            }
            catch (OperationCanceledException)
            {
                // Later questions may have been answered before the cancellation.
            }
        }
    }

    private void Print(Answer answer)
    {
        if (answer.Error is string error)
        {
            _failed = true;
            JsonLine.Write(terminal.Out, json =>
            {
                WriteLabels(json, answer);
                json.WriteString("error", error);
            });
        }
        for (int i = 0; i < answer.Runs.Count; i++)
        {
            JsonLine.Write(terminal.Out, json =>
            {
                WriteLabels(json, answer);
                if (answer.Runs.Count > 1)
                    json.WriteNumber("sample", i);
                JsonRunWriter.Write(json, answer.Runs[i], records: answer.Request!.Record);
            });
            _records?.Add(answer.Prompt, answer.Request!, answer.Runs[i], answer.Line?.Number ?? 0, i);
        }
        Volatile.Write(ref _printedBytes, answer.Line?.End ?? 0);
        Interlocked.Increment(ref _printed);
    }

    private static void WriteLabels(Utf8JsonWriter json, Answer answer)
    {
        if (answer.Line is InputLine line)
            json.WriteNumber("line", line.Number);
        if (answer.Id is JsonElement id)
        {
            json.WritePropertyName(IdKey);
            id.WriteTo(json);
        }
    }

    /// <summary>The result of a question.</summary>
    /// <param name="Line">Its line; null for a single question.</param>
    /// <param name="Id">The "id" of the line.</param>
    private sealed record Answer(InputLine? Line, JsonElement? Id)
    {
        /// <summary>Its samples; empty if it failed.</summary>
        public IReadOnlyList<GenerationRun> Runs { get; init; } = [];

        /// <summary>The request; set where there are samples.</summary>
        public GenerationRequest? Request { get; init; }

        /// <summary>The tokens of the prompt; empty unless the samples are recorded.</summary>
        public IReadOnlyList<ConceptToken> Prompt { get; init; } = [];

        public string? Error { get; init; }
    }
}
