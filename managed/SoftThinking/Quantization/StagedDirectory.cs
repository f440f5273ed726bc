using SoftThinking.Checkpoints;

namespace SoftThinking.Quantization;

/// <summary>A directory whose new files all appear at the end, or not at all. Until then they lie in another one, which is
/// removed when something goes wrong; nothing else is ever removed.</summary>
internal sealed class StagedDirectory : IDisposable
{
    private readonly string _destination, _stage;
    private readonly bool _exists;
    private readonly List<string> _written = [];

    private StagedDirectory(string destination, bool exists)
    {
        (_destination, _exists) = (destination, exists);
        // On the same file system as the destination, so that moving is renaming.
        string parent = exists ? destination : Path.GetDirectoryName(destination)!;
        _stage = Path.Combine(parent, $".{Path.GetFileName(destination)}.{Path.GetRandomFileName()}");
        Try(destination, "the directory cannot be written to", () => Directory.CreateDirectory(_stage));
    }

    /// <summary>Checks that the files may be written, and makes a place for them.</summary>
    /// <param name="destination">Directory that gets the files.</param>
    /// <param name="source">Directory that they are made from.</param>
    /// <param name="names">Names of all files that will be written.</param>
    /// <param name="overwrite">Whether <paramref name="destination"/> may hold files already.</param>
    /// <exception cref="ArgumentException">The two directories are the same.</exception>
    /// <exception cref="IOException">The directory is not empty, or cannot be made.</exception>
    public static StagedDirectory Make(string destination, string source, IReadOnlyCollection<string> names, bool overwrite)
    {
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination));
        if (path == Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)))
            throw SameDirectory(destination);
        bool exists = Directory.Exists(path);
        if (exists)
            CheckContents(path, names, overwrite);
        else if (File.Exists(path))
            throw new IOException($"{destination}: there is a file of this name");
        else if (!Directory.Exists(Path.GetDirectoryName(path)))
            throw new DirectoryNotFoundException($"{Path.GetDirectoryName(path)}: the directory does not exist");
        StagedDirectory staged = new(path, exists);
        // Links may lead to one directory by two names: then what was made in one is there in the other.
        if (exists && Directory.Exists(Path.Combine(source, Path.GetFileName(staged._stage))))
        {
            staged.Dispose();
            throw SameDirectory(destination);
        }
        return staged;
    }

    /// <summary>Lets a file be written.</summary>
    /// <param name="write">Is given the path at which to make it.</param>
    /// <exception cref="IOException">It could not; the message names the file where it would come to lie.</exception>
    public void Write(string name, Action<string> write)
    {
        _written.Add(name);
        Try(Path.Combine(_destination, name), "the file cannot be written", () => write(Path.Combine(_stage, name)));
    }

    /// <summary>Moves the files to where they belong.</summary>
    /// <exception cref="IOException">They could not be moved.</exception>
    public void Commit()
    {
        if (!_exists)
        {
            Try(_destination, "the directory cannot be made", () => Directory.Move(_stage, _destination));
            return;
        }
        foreach (string name in _written)
        {
            string path = Path.Combine(_destination, name);
            Try(path, "the file cannot be written", () => File.Move(Path.Combine(_stage, name), path, overwrite: true));
        }
    }

    /// <summary>Removes what was not moved.</summary>
    public void Dispose()
    {
        try
        {
            if (Directory.Exists(_stage))
                Directory.Delete(_stage, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What went wrong before is told; this would only hide it.
        }
    }

    private static void CheckContents(string path, IReadOnlyCollection<string> names, bool overwrite)
    {
        string? first = Directory.EnumerateFileSystemEntries(path).FirstOrDefault();
        if (first == null)
            return;
        if (!overwrite)
            throw new IOException($"{path}: the directory is not empty, and overwriting (--force) was not asked for");
        // Who loads the directory could take them for the new ones: a single file beside shards is what is read.
        string? other = Directory.EnumerateFiles(path).FirstOrDefault(file =>
            (file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || Path.GetFileName(file) == Checkpoint.IndexFile)
            && !names.Contains(Path.GetFileName(file)));
        if (other != null)
            throw new IOException($"{other}: other weights must not lie beside those that are written; remove them first");
        // Found while files are moved, it would leave some of them moved.
        string? directory = names.Select(name => Path.Combine(path, name)).FirstOrDefault(Directory.Exists);
        if (directory != null)
            throw new IOException($"{directory}: a directory is in the place of a file");
    }

    private static ArgumentException SameDirectory(string destination) =>
        new($"{destination}: the directory holds the original, which must stay");

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
