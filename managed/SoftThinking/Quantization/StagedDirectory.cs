using SoftThinking.Checkpoints;

namespace SoftThinking.Quantization;

/// <summary>A directory whose new files appear all together at the end, or not at all. Until then they are in a temporary directory,
/// which is removed on failure; nothing else is ever removed.</summary>
internal sealed class StagedDirectory : IDisposable
{
    private readonly string _destination, _stage;
    private readonly bool _exists;
    private readonly List<string> _written = [];

    private StagedDirectory(string destination, bool exists)
    {
        (_destination, _exists) = (destination, exists);
        // On the same file system as the destination, so that moving is a rename.
        string parent = exists ? destination : Path.GetDirectoryName(destination)!;
        _stage = Path.Combine(parent, $".{Path.GetFileName(destination)}.{Path.GetRandomFileName()}");
        Try(destination, "the directory cannot be written to", () => Directory.CreateDirectory(_stage));
    }

    /// <summary>Checks that the files may be written, and creates the temporary directory.</summary>
    /// <param name="destination">Directory that receives the files.</param>
    /// <param name="source">Directory that they are derived from.</param>
    /// <param name="names">Names of all files that will be written.</param>
    /// <param name="overwrite">Whether <paramref name="destination"/> may hold files already.</param>
    /// <exception cref="ArgumentException">The two directories are the same.</exception>
    /// <exception cref="IOException">The directory is not empty, or cannot be created.</exception>
    public static StagedDirectory Create(string destination, string source, IReadOnlyCollection<string> names, bool overwrite)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination));
        if (path == Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)))
            throw SameDirectory(destination);
        bool exists = Directory.Exists(path);
        if (exists)
            CheckContents(path, names, overwrite);
        else if (File.Exists(path))
            throw new IOException($"{destination}: a file of this name exists");
        else if (!Directory.Exists(Path.GetDirectoryName(path)))
            throw new DirectoryNotFoundException($"{Path.GetDirectoryName(path)}: the directory does not exist");
        StagedDirectory staged = new(path, exists);
        // Links may give one directory two names: then a directory created in one exists in the other.
        if (exists && Directory.Exists(Path.Combine(source, Path.GetFileName(staged._stage))))
        {
            staged.Dispose();
            throw SameDirectory(destination);
        }
        return staged;
    }

    /// <summary>Writes a file to the temporary directory.</summary>
    /// <param name="write">Called with the path to create.</param>
    /// <exception cref="IOException">The file cannot be written; the message names its final path.</exception>
    public void Write(string name, Action<string> write)
    {
        _written.Add(name);
        Try(Path.Combine(_destination, name), "the file cannot be written", () => write(Path.Combine(_stage, name)));
    }

    /// <summary>Moves the files to the destination.</summary>
    /// <exception cref="IOException">They cannot be moved.</exception>
    public void Commit()
    {
        if (!_exists)
        {
            Try(_destination, "the directory cannot be created", () => Directory.Move(_stage, _destination));
            return;
        }
        foreach (string name in _written)
        {
            string path = Path.Combine(_destination, name);
            Try(path, "the file cannot be written", () => File.Move(Path.Combine(_stage, name), path, overwrite: true));
        }
    }

    /// <summary>Removes the files that were not moved.</summary>
    public void Dispose()
    {
        try
        {
            if (Directory.Exists(_stage))
                Directory.Delete(_stage, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The first error is reported; this one would only hide it.
        }
    }

    private static void CheckContents(string path, IReadOnlyCollection<string> names, bool overwrite)
    {
        string? first = Directory.EnumerateFileSystemEntries(path).FirstOrDefault();
        if (first == null)
            return;
        if (!overwrite)
            throw new IOException($"{path}: the directory is not empty, and overwriting (--force) was not requested");
        // A loader could read them instead of the new ones: a single file takes precedence over shards.
        string? other = Directory.EnumerateFiles(path).FirstOrDefault(file =>
            (file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || Path.GetFileName(file) == Checkpoint.IndexFile)
            && !names.Contains(Path.GetFileName(file)));
        if (other != null)
            throw new IOException($"{other}: the directory holds other weights, which a loader could confuse with the new ones; remove them first");
        // Checked now, because an error while moving would leave some of the files moved.
        string? directory = names.Select(name => Path.Combine(path, name)).FirstOrDefault(Directory.Exists);
        if (directory != null)
            throw new IOException($"{directory}: a directory has the name of a file to write");
    }

    private static ArgumentException SameDirectory(string destination) =>
        new($"{destination}: the directory holds the original, which must be kept");

    private static void Try(string path, string problem, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{path}: {problem}: {error.Message}", error);
        }
    }
}
