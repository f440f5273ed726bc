namespace SoftThinking.Cli;

/// <summary>A line of input.</summary>
/// <param name="Number">From 1; blank lines count.</param>
/// <param name="Utf8">Its bytes, without the line break.</param>
/// <param name="End">Bytes of the file up to the end of the line.</param>
internal sealed record InputLine(int Number, byte[] Utf8, long End);

/// <summary>The lines of `--prompts`, of recorded sequences or of a conversation, read on demand. The input is read once and sequentially, so that it can be a
/// pipe.</summary>
internal sealed class PromptLines : IDisposable
{
    private const int MaxLine = 64 << 20;

    private readonly Stream _stream;
    private readonly bool _ownsStream;
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end; // the part of the buffer that was not yet returned
    private long _consumed; // bytes before _start
    private int _number;

    private PromptLines(Stream stream, bool ownsStream, string name)
    {
        (_stream, _ownsStream, Name) = (stream, ownsStream, name);
        Length = ownsStream && stream.CanSeek ? stream.Length : null;
    }

    /// <summary>Name of the input, for messages.</summary>
    public string Name { get; }

    /// <summary>Bytes of the whole input; null if unknown, as for a pipe.</summary>
    public long? Length { get; }

    /// <summary>Whether blank lines are returned.</summary>
    private bool KeepsBlank { get; init; }

    /// <summary>All lines of a stream, the blank ones too.</summary>
    /// <param name="name">Name of the input, for messages.</param>
    public static PromptLines Of(Stream stream, string name) => new(stream, false, name) { KeepsBlank = true };

    /// <summary>The lines of a file that are not blank.</summary>
    /// <param name="option">The option that names it, for messages.</param>
    /// <param name="file">"-" for standard input.</param>
    /// <exception cref="UsageException">Standard input is a terminal.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting for the writer of a FIFO.</exception>
    public static async Task<PromptLines> OpenAsync(string option, string file, Terminal terminal, CancellationToken cancellation)
    {
        if (file != "-")
            return new PromptLines(await InputFile.OpenAsync(option, file, cancellation), true, $"{option}: {file}");
        Stream input = terminal.Input ?? throw new UsageException($"{option} -: standard input is a terminal");
        return new PromptLines(input, false, $"{option}: standard input");
    }

    /// <summary>The next line; null at the end.</summary>
    /// <exception cref="IOException">The input cannot be read, or a line is too long.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting.</exception>
    public Task<InputLine?> ReadAsync(CancellationToken cancellation) =>
        Task.Run(Read, cancellation).WaitAsync(cancellation); // a blocked read cannot be interrupted, but waiting for it can

    public void Dispose()
    {
        if (_ownsStream)
            _stream.Dispose();
    }

    private InputLine? Read()
    {
        while (FindLine(out int length))
        {
            ReadOnlySpan<byte> line = _buffer.AsSpan(_start, length);
            _number++;
            if (_number == 1)
                line = Utf8Text.WithoutMark(line);
            byte[] text = line.TrimEnd("\r\n"u8).ToArray();
            _start += length;
            _consumed += length;
            if (KeepsBlank || text.AsSpan().ContainsAnyExcept(" \t\r"u8))
                return new InputLine(_number, text, _consumed);
        }
        return null;
    }

    /// <summary>Reads until the buffer holds a whole line.</summary>
    /// <param name="length">Bytes of the line, including its line break if it has one.</param>
    /// <returns>False at the end of the input.</returns>
    private bool FindLine(out int length)
    {
        int searched = 0;
        while (true)
        {
            int found = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            length = found >= 0 ? searched + found + 1 : _end - _start;
            if (found >= 0)
                return true;
            searched = length;
            if (!Fill())
                return length > 0;
        }
    }

    /// <returns>False at the end of the input.</returns>
    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= MaxLine)
                throw new IOException($"{Name}: line {_number + 1} has more than {MaxLine >> 20} MiB");
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }
        int count = _stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += count;
        return count > 0;
    }
}
