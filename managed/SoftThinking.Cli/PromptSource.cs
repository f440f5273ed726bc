namespace SoftThinking.Cli;

/// <summary>Finds the question: an option, a file, or standard input.</summary>
internal static class PromptSource
{
    /// <exception cref="UsageException">There is none: no option, and standard input is a terminal.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ArgumentException">The prompt is empty.</exception>
    public static string Read(GenerateSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        string prompt = settings.Prompt
            ?? (settings.PromptFile is string file ? ReadFile(file) : ReadInput(terminal, cancellation));
        bool empty = settings.Raw ? prompt.Length == 0 : string.IsNullOrWhiteSpace(prompt);
        return empty ? throw new ArgumentException("the prompt is empty") : prompt;
    }

    private static string ReadFile(string file)
    {
        try
        {
            return WithoutLastLineBreak(File.ReadAllText(file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"--prompt-file: {error.Message}", error);
        }
    }

    private static string ReadInput(Terminal terminal, CancellationToken cancellation)
    {
        if (terminal.Input is not TextReader input)
            throw new UsageException("there is no prompt: give --prompt, --prompt-file, or text on standard input");
        // Reading cannot be interrupted; waiting for it can.
        return WithoutLastLineBreak(Task.Run(input.ReadToEnd, cancellation).WaitAsync(cancellation).GetAwaiter().GetResult());
    }

    // Editors and echo put one at the end that nobody means.
    private static string WithoutLastLineBreak(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
