using SoftThinking.Records;

namespace SoftThinking.Cli;

/// <summary>The file of --record. A run that is interrupted leaves the samples that were complete, or no file if there are none.</summary>
internal sealed class RecordOutput
{
    private readonly string _path;
    private readonly RecordWriter _writer;

    /// <exception cref="IOException">The file could not be written.</exception>
    public RecordOutput(string path, string model)
    {
        (_path, _writer) = (path, new RecordWriter(model));
        Try(Probe);
    }

    /// <summary>Adds a run, if it is complete.</summary>
    /// <param name="number">Line of the question; 0 for a single one.</param>
    public void Add(IReadOnlyList<ConceptToken> prompt, GenerationRequest request, GenerationRun run, int number = 0, int sample = 0)
    {
        if (run.IsComplete)
            _writer.Add(prompt, request, run.Sample, number, sample);
    }

    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save()
    {
        if (_writer.Count > 0)
            Try(() => _writer.Save(_path));
    }

    // A run of hours must not end with an error that its start could have shown.
    private void Probe()
    {
        if (Directory.Exists(_path))
            throw new IOException($"'{_path}' is a directory, not a file");
        using FileStream probe = new($"{_path}.{Path.GetRandomFileName()}.tmp", FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new IOException($"--record: {error.Message}", error);
        }
    }
}
