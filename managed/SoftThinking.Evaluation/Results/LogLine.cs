namespace SoftThinking.Evaluation.Results;

/// <summary>A line of a log.</summary>
/// <param name="Offset">Where it starts in the file.</param>
/// <param name="Bytes">The line without its end.</param>
/// <param name="Ended">Whether it ends with a line feed: only the last may lack it.</param>
internal sealed record LogLine(long Offset, byte[] Bytes, bool Ended)
{
    /// <summary>Whether it holds nothing: a broken line that was set aside.</summary>
    public bool IsBlank => Ended && !Bytes.AsSpan().ContainsAnyExcept((byte)' ');

    /// <summary>A blank line without its end.</summary>
    public static byte[] Blank(int length)
    {
        byte[] spaces = new byte[length];
        Array.Fill(spaces, (byte)' ');
        return spaces;
    }

    /// <summary>Reads the lines of a file, which may be larger than memory.</summary>
    public static IEnumerable<LogLine> ReadAll(Stream file)
    {
        byte[] buffer = new byte[1 << 16];
        using MemoryStream line = new();
        long offset = 0;
        for (int read; (read = file.Read(buffer)) > 0;)
        {
            int start = 0;
            for (int end; (end = Array.IndexOf(buffer, (byte)'\n', start, read - start)) >= 0; start = end + 1)
            {
                line.Write(buffer, start, end - start);
                yield return new LogLine(offset, line.ToArray(), Ended: true);
                offset += line.Length + 1;
                line.SetLength(0);
            }
            line.Write(buffer, start, read - start);
        }
        if (line.Length > 0)
            yield return new LogLine(offset, line.ToArray(), Ended: false);
    }
}
