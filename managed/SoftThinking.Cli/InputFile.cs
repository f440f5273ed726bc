namespace SoftThinking.Cli;

/// <summary>Files that an option names. They may be readable only once, like a FIFO, /dev/stdin or a process substitution:
/// each is opened once and read once, sequentially. Both may wait for the writer, and that wait can be
/// canceled.</summary>
internal static class InputFile
{
    /// <param name="option">The option, for messages.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting.</exception>
    public static async Task<Stream> OpenAsync(string option, string path, CancellationToken cancellation)
    {
        try
        {
            return await Task.Run(() => Open(path), cancellation).WaitAsync(cancellation);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new IOException($"{option}: {Problem(path, error)}", error);
        }
    }

    /// <summary>Reads all text of a file.</summary>
    /// <exception cref="IOException">The file cannot be read, or is not UTF-8.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting.</exception>
    public static async Task<string> ReadTextAsync(string option, string path, CancellationToken cancellation)
    {
        using Stream stream = await OpenAsync(option, path, cancellation);
        return await ReadTextAsync($"{option}: {path}", stream, cancellation);
    }

    /// <summary>Reads all text of a stream.</summary>
    /// <param name="name">Name for messages.</param>
    /// <exception cref="IOException">The stream cannot be read, or is not UTF-8.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting.</exception>
    public static async Task<string> ReadTextAsync(string name, Stream stream, CancellationToken cancellation)
    {
        // A blocked read cannot be interrupted, but waiting for it can.
        byte[] bytes = await Task.Run(() => ReadAll(name, stream), cancellation).WaitAsync(cancellation);
        return Utf8Text.Decode(name, bytes);
    }

    private static byte[] ReadAll(string name, Stream stream)
    {
        try
        {
            using MemoryStream all = new();
            stream.CopyTo(all);
            return all.ToArray();
        }
        catch (IOException error)
        {
            throw new IOException($"{name}: {error.Message}", error);
        }
    }

    private static FileStream Open(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    /// <summary>What is wrong with a file that cannot be opened.</summary>
    public static string Problem(string path, Exception error) =>
        Directory.Exists(path) ? $"'{path}' is a directory, not a file"
        : error.Message;
}
