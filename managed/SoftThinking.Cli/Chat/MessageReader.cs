namespace SoftThinking.Cli;

/// <summary>Reads the messages of a conversation, one per line; a line that ends with a backslash continues on the next one.</summary>
internal sealed class MessageReader(Terminal terminal)
{
    /// <summary>A terminal cuts off what exceeds this number of bytes in a line.</summary>
    private const int LongestTyped = 4095;

    private readonly PromptLines _lines = PromptLines.Of(terminal.Input ?? terminal.Keyboard, "standard input");
    private readonly bool _typed = terminal.Input == null;
    private Task<InputLine?>? _reading; // a canceled wait leaves it for the next one: a blocked read cannot be interrupted

    /// <summary>The next message; null at the end of the input.</summary>
    /// <exception cref="IOException">The input cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting; lines of an unfinished message are dropped.</exception>
    public async Task<string?> ReadAsync(CancellationToken cancellation)
    {
        List<string> lines = [];
        while (await ReadLineAsync(lines.Count == 0 ? "> " : "… ", cancellation) is InputLine line)
        {
            if (Decode(line) is not string text)
            {
                lines.Clear();
                continue;
            }
            bool continues = text.EndsWith('\\');
            lines.Add(continues ? text[..^1] : text);
            if (!continues)
                return string.Join('\n', lines);
        }
        if (_typed)
            terminal.Error.WriteLine(); // what the shell prints next begins a line
        return lines.Count > 0 ? string.Join('\n', lines) : null;
    }

    private async Task<InputLine?> ReadLineAsync(string prompt, CancellationToken cancellation)
    {
        if (_typed)
        {
            terminal.Error.Write(prompt);
            terminal.Error.Flush();
        }
        _reading ??= _lines.ReadAsync(CancellationToken.None);
        InputLine? line = await _reading.WaitAsync(cancellation);
        _reading = null;
        return line;
    }

    /// <returns>Null where the line is no text, which is reported.</returns>
    private string? Decode(InputLine line)
    {
        try
        {
            if (_typed && line.Utf8.Length >= LongestTyped)
                throw new IOException($"the terminal cuts off lines of more than {LongestTyped} bytes: end lines with \\, or use a pipe");
            return Utf8Text.Decode($"standard input: line {line.Number}", line.Utf8);
        }
        catch (IOException error)
        {
            terminal.ReportError(error.Message);
            return null;
        }
    }
}
