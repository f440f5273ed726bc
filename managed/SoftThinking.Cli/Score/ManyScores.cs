using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Records;

namespace SoftThinking.Cli;

/// <summary>Scores many sequences concurrently, and prints the result of each in their order.</summary>
internal sealed class ManyScores(ScoreSettings settings, Terminal terminal)
{
    private readonly Queue<Task<ScoredSequence>> _pending = [];
    private bool _failed;

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        bool records = settings.File.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        using PromptLines? lines = records ? null : await PromptLines.OpenAsync("FILE", settings.File, terminal, cancellation);
        IReadOnlyList<RecordedSample> samples = records ? RecordFile.Read(settings.File).Samples : [];
        await using Engine engine = ModelLoader.Load(settings.Model, settings.Engine, terminal, cancellation, out _);
        int read = 0;
        for (; lines != null && await lines.ReadAsync(cancellation) is InputLine line; read++)
            await AddAsync(() => ScoreLineAsync(engine, line, cancellation));
        foreach (RecordedSample sample in samples)
        {
            await AddAsync(() => ScoreAsync(engine, new(sample.Request, sample.Index), () => RecordedSequence.Of(sample), cancellation));
            read++;
        }
        while (_pending.TryDequeue(out Task<ScoredSequence>? next))
            Print(await next);
        if (read == 0)
            throw new ArgumentException($"{lines?.Name ?? settings.File} holds no sequences"); // an empty input is an error
        return _failed ? ExitCode.Failure : ExitCode.Success;
    }

    private async Task AddAsync(Func<Task<ScoredSequence>> score)
    {
        if (_pending.Count == 2 * settings.Engine.MaxSequences) // enough to keep the engine busy
            Print(await _pending.Dequeue());
        _pending.Enqueue(score());
    }

    private static Task<ScoredSequence> ScoreLineAsync(Engine engine, InputLine line, CancellationToken cancellation)
    {
        ScoredSequence result = new(line.Number);
        try
        {
            JsonElement json = RequestJson.Parse(line.Utf8);
            JsonElement? id = json.ValueKind == JsonValueKind.Object && json.TryGetProperty("id", out JsonElement given) ? given : null;
            return ScoreAsync(engine, result with { Id = id }, () => RecordedSequence.Read(json), cancellation);
        }
        catch (ArgumentException error)
        {
            return Task.FromResult(result with { Error = error.Message });
        }
    }

    private static async Task<ScoredSequence> ScoreAsync(
        Engine engine, ScoredSequence result, Func<RecordedSequence> read, CancellationToken cancellation)
    {
        try
        {
            RecordedSequence recorded = read();
            ReplayScores scores = await engine.ScoreAsync(recorded.Request, cancellation);
            return result with { Scores = scores, LogProbs = recorded.LogProbs(scores), Difference = recorded.DifferenceFrom(scores) };
        }
        catch (Exception error) when (RequestErrors.Include(error) || error is NotSupportedException)
        {
            return result with { Error = error.Message };
        }
    }

    private void Print(ScoredSequence sequence)
    {
        _failed |= sequence.Error != null;
        if (settings.Json)
            JsonLine.Write(terminal.Out, sequence.Write);
        else if (sequence.Error != null)
            terminal.ReportError($"{sequence.Name}: {sequence.Error}");
        else
            terminal.Out.WriteLine(sequence.Summary());
    }
}
