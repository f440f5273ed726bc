namespace SoftThinking.Cli;

/// <summary>The lines of `--prompts`, read as they are wanted.</summary>
internal sealed class PromptLines : IDisposable
{
    private readonly TextReader _reader;
    private readonly bool _ours;

    private PromptLines(TextReader reader, bool ours, int? count) => (_reader, _ours, Count) = (reader, ours, count);

    /// <summary>Lines that hold something; null where that is not known before the end.</summary>
    public int? Count { get; }

    /// <param name="file">"-" for standard input.</param>
    /// <exception cref="UsageException">Standard input is a terminal.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PromptLines Open(string file, Terminal terminal)
    {
        if (file == "-")
            return new PromptLines(terminal.Input ?? throw new UsageException("--prompts -: standard input is a terminal"), false, null);
        try
        {
            return new PromptLines(File.OpenText(file), true, File.ReadLines(file).Count(line => !string.IsNullOrWhiteSpace(line)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"--prompts: {error.Message}", error);
        }
    }

    /// <summary>The next line; null at the end.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    public Task<string?> ReadAsync(CancellationToken cancellation) =>
        Task.Run(_reader.ReadLine, cancellation).WaitAsync(cancellation); // reading cannot be interrupted; waiting for it can

    public void Dispose()
    {
        if (_ours)
            _reader.Dispose();
    }
}
