using Microsoft.Win32.SafeHandles;

namespace SoftThinking.Files;

/// <summary>Files that are written as a whole: a temporary file is renamed to them at the end. That would replace what is no file: a link, a
/// pipe, and for a user who may do so a device such as /dev/null.</summary>
public static class OutputFile
{
    /// <summary>Writes a file: all of it or, on failure, none. A file of this name is replaced.</summary>
    /// <param name="path">The file, or a link to it.</param>
    /// <param name="write">Writes a new file, whose path it is passed. On failure that file is deleted.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">The file cannot be written; a device or a pipe has this name, or the links do not end.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Replace(string path, Action<string> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        string target = Resolve(path), temporary = $"{target}.{Path.GetRandomFileName()}.tmp"; // in the same directory, so that moving is a rename
        try
        {
            write(temporary);
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>The file to replace: where links end.</summary>
    /// <exception cref="ArgumentNullException">The path is null.</exception>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">A device or a pipe has this name, or the links do not end.</exception>
    public static string Resolve(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        FileInfo named = new(full);
        string target = named.LinkTarget == null ? full : named.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        return !OperatingSystem.IsWindows() && (IsDevice(target) || (File.Exists(target) && IsPipe(target)))
            ? throw new IOException($"'{path}' is a device or a pipe, not a file")
            : target;
    }

    // Devices can be elsewhere, but are not in practice; and files are in /dev/shm.
    private static bool IsDevice(string path) => Path.GetDirectoryName(path) is "/dev" or "/dev/pts" || path.StartsWith("/proc/", StringComparison.Ordinal);

    private static bool IsPipe(string path)
    {
        try
        {
            // For reading and writing, as otherwise opening a pipe waits for its other end.
            using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            _ = RandomAccess.GetLength(handle);
            return false;
        }
        catch (NotSupportedException)
        {
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false; // renaming does not need what opening does
        }
    }
}
