using SoftThinking.Files;
using SoftThinking.Records;

namespace SoftThinking.Cli;

/// <summary>The file of --record. A run that is interrupted leaves the samples that were complete, or no file if there are none.</summary>
internal sealed class RecordOutput
{
    private readonly string _path = "";
    private readonly RecordWriter _writer;

    /// <exception cref="IOException">The file could not be written.</exception>
    public RecordOutput(string path, string model)
    {
        _writer = new RecordWriter(model);
        string resolved = "";
        Try(() => resolved = Probe(path));
        _path = resolved;
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
    private static string Probe(string path)
    {
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a directory, not a file");
        string target = OutputFile.Resolve(path), directory = Path.GetDirectoryName(target)!;
        if (!Directory.Exists(directory))
            throw new IOException($"the directory '{directory}' does not exist");
        using FileStream probe = new($"{target}.{Path.GetRandomFileName()}.tmp", FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        return target;
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
