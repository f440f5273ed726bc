using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Writes one JSON object per step and line, each as soon as its step is there: an interrupted run leaves whole
/// lines.</summary>
internal sealed class TraceWriter : IRunWriter, IDisposable
{
    private readonly FileStream _file;
    private readonly MemoryStream _line = new();

    /// <exception cref="IOException">The file cannot be written.</exception>
    public TraceWriter(string path)
    {
        try
        {
            _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"--trace: {error.Message}", error);
        }
    }

    public void Add(GenerationRun run, GenerationStep step)
    {
        _line.SetLength(0);
        using (Utf8JsonWriter json = new(_line))
        {
            json.WriteStartObject();
            json.WriteNumber("step", run.Steps.Count - 1);
            StepJson.Write(json, step);
            json.WriteEndObject();
        }
        _line.WriteByte((byte)'\n');
        try
        {
            _file.Write(_line.GetBuffer(), 0, (int)_line.Length);
        }
        catch (IOException error)
        {
            // Not as it is: a broken pipe of the trace is not that of standard output, which ends the program quietly.
            throw new IOException($"--trace: {error.Message}", error);
        }
    }

    public void End(GenerationRun run) => _file.Flush();

    public void Dispose() => _file.Dispose();
}
