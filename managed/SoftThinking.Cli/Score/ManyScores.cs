using System.Text.Json;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>Scores many sequences concurrently, and prints the result of each in their order.</summary>
internal sealed class ManyScores(ScoreSettings settings, Terminal terminal)
{
    private readonly Queue<Task<ScoredLine>> _pending = [];
    private bool _failed;

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        using PromptLines lines = await PromptLines.OpenAsync("FILE", settings.File, terminal, cancellation);
        await using Engine engine = ModelLoader.Load(settings.Model, settings.Engine, terminal, cancellation, out _);
        int read = 0;
        for (; await lines.ReadAsync(cancellation) is InputLine line; read++)
        {
            if (_pending.Count == 2 * settings.Engine.MaxSequences) // enough to keep the engine busy
                Print(await _pending.Dequeue());
            _pending.Enqueue(ScoreAsync(engine, line, cancellation));
        }
        while (_pending.TryDequeue(out Task<ScoredLine>? next))
            Print(await next);
        if (read == 0)
            throw new ArgumentException($"{lines.Name} holds no sequences"); // an empty input is an error
        return _failed ? ExitCode.Failure : ExitCode.Success;
    }

    private static async Task<ScoredLine> ScoreAsync(Engine engine, InputLine line, CancellationToken cancellation)
    {
        ScoredLine result = new(line.Number);
        try
        {
            JsonElement json = RequestJson.Parse(line.Utf8);
            result = result with { Id = json.ValueKind == JsonValueKind.Object && json.TryGetProperty("id", out JsonElement id) ? id : null };
            RecordedLine recorded = RecordedLine.Read(json);
            ReplayScores scores = await engine.ScoreAsync(recorded.Request, cancellation);
            return result with { Scores = scores, LogProbs = recorded.LogProbs(scores) };
        }
        catch (Exception error) when (RequestErrors.Include(error) || error is NotSupportedException)
        {
            return result with { Error = error.Message };
        }
    }

    private void Print(ScoredLine line)
    {
        _failed |= line.Error != null;
        if (settings.Json)
            JsonLine.Write(terminal.Out, line.Write);
        else if (line.Error != null)
            terminal.ReportError($"line {line.Number}: {line.Error}");
        else
            terminal.Out.WriteLine(line.Summary());
    }
}
