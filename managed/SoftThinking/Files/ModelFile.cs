using System.Text;

namespace SoftThinking.Files;

/// <summary>Reads whole files of a checkpoint. Every error is a <see cref="ModelFileException"/> that names the file.</summary>
internal static class ModelFile
{
    /// <summary>Bytes that reading the start of a file needs for <see cref="RefusePointer"/>.</summary>
    public const int PointerBytes = 42;

    private const long LongestFile = 100_000_000; // several times the largest tokenizer known

    private static ReadOnlySpan<byte> PointerStart => "version https://git-lfs.github.com/spec/"u8;

    /// <summary>Reads a file of text.</summary>
    /// <exception cref="ModelFileException">The file does not exist, cannot be read, is too long, or is a Git LFS
    /// pointer.</exception>
    public static byte[] Read(string path)
    {
        try
        {
            // The length of what was opened: that of the path may be the length of a link, and a device has none but never ends.
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (file.Length > LongestFile)
                throw new ModelFileException(path, $"the file has {file.Length} bytes; at most {LongestFile} are read");
            byte[] bytes = new byte[file.Length];
            int read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            Array.Resize(ref bytes, read);
            RefusePointer(path, bytes);
            return bytes;
        }
        catch (Exception e) when (IsFileError(e))
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>Reads a file of UTF-8, with or without a byte-order mark.</summary>
    /// <exception cref="ModelFileException">As for <see cref="Read"/>; or the file is not UTF-8.</exception>
    public static string ReadText(string path)
    {
        ReadOnlySpan<byte> bytes = WithoutMark(Read(path)).Span;
        return System.Text.Unicode.Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : throw new ModelFileException(path, "the file is broken: it is not UTF-8");
    }

    /// <summary>The bytes after a UTF-8 byte-order mark, if there is one.</summary>
    public static ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> bytes) =>
        bytes.Span.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;

    /// <summary>Refuses the small text that stands for a large file in a Git repository cloned without Git LFS.</summary>
    /// <param name="start">At least the first <see cref="PointerBytes"/> bytes of the file, or all of a shorter one.</param>
    public static void RefusePointer(string path, ReadOnlySpan<byte> start)
    {
        if (start.StartsWith(PointerStart))
            throw new ModelFileException(path, "is a Git LFS pointer, not the file itself; run `git lfs pull`");
    }

    /// <summary>Whether the error came from opening or reading a file: no permission, a folder in its place, a device
    /// without length, a name that the system does not allow.</summary>
    public static bool IsFileError(Exception e) =>
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    /// <summary>The error that a file does not exist or cannot be read.</summary>
    public static ModelFileException Unreadable(string path, Exception e) => e is FileNotFoundException or DirectoryNotFoundException
        ? new ModelFileException(path, "the file does not exist", e)
        : new ModelFileException(path, $"the file cannot be read: {e.Message}", e);
}
