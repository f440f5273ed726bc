using System.Text.Json;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>Writes one JSON object per generated token and line, as soon as it is available, so that an interrupted run leaves
/// complete lines.</summary>
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

    public void Add(GenerationRun run, GenerationEvent next)
    {
        if (next is not GeneratedToken token)
            return;
        _line.SetLength(0);
        using (Utf8JsonWriter json = new(_line, JsonLine.Readable))
        {
            json.WriteStartObject();
            json.WriteNumber("index", run.Tokens.Count - 1);
            TokenJson.Write(json, token);
            json.WriteEndObject();
        }
        _line.WriteByte((byte)'\n');
        try
        {
            _file.Write(_line.GetBuffer(), 0, (int)_line.Length);
        }
        catch (IOException error)
        {
            // Wrapped, because only a broken pipe of standard output, not of the trace, ends the program silently.
            throw new IOException($"--trace: {error.Message}", error);
        }
    }

    public void End(GenerationRun run) => _file.Flush();

    public void Dispose() => _file.Dispose();
}
